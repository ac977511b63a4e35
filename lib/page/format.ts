/** Numbers and dates as the visitor's locale writes them. */

type Format<V> = { format(value: V): string }

/** Makes a format when it is first used: each takes a browser milliseconds, and most are not needed at once. */
function lazily<V>(make: () => Format<V>): (value: V) => string {
  let format: Format<V> | undefined
  return (value) => {
    format ??= make()
    return format.format(value)
  }
}

const inNumbers = (options?: Intl.NumberFormatOptions) =>
  lazily<number>(() => new Intl.NumberFormat(undefined, options))

function inTimes(options: Intl.DateTimeFormatOptions): (time: string) => string {
  const format = lazily<Date>(() => new Intl.DateTimeFormat(undefined, options))
  return (time) => format(new Date(time))
}

export const formatNumber = inNumbers()

/** Three digits that count. */
export const formatDecimal = inNumbers({ maximumSignificantDigits: 3 })

export const formatDateTime = inTimes({ dateStyle: 'medium', timeStyle: 'medium' })

export const formatTime = inTimes({ hour: 'numeric', minute: '2-digit' })

export const formatClock = inTimes({ hour: 'numeric', minute: '2-digit', second: '2-digit' })

export const formatInstant = inTimes({
  hour: 'numeric',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
})

const formatDay = inTimes({ month: 'short', day: 'numeric', year: 'numeric' })

/** The time of today, the day of an earlier one. */
export const formatWhen = (time: string, now = new Date()): string =>
  (new Date(time).toDateString() === now.toDateString() ? formatTime : formatDay)(time)

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte'] as const

export function formatBytes(bytes: number): string {
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), UNITS.length - 1)
  return new Intl.NumberFormat(undefined, {
    style: 'unit',
    unit: UNITS[power] ?? 'byte',
    unitDisplay: power === 0 ? 'long' : 'short',
    maximumSignificantDigits: 3,
  }).format(bytes / 1000 ** power)
}

/** Milliseconds below a second, else seconds or minutes. */
export function formatDuration(ms: number): string {
  const [value, unit] =
    ms < 1000
      ? [Math.round(ms), 'millisecond']
      : ms < 120_000
        ? [ms / 1000, 'second']
        : [ms / 60_000, 'minute']
  return new Intl.NumberFormat(undefined, {
    style: 'unit',
    unit,
    unitDisplay: 'short',
    maximumSignificantDigits: 3,
  }).format(value)
}

/** `1 photo`, `1,000 photos`. */
export const count = (value: number, singular: string, plural = `${singular}s`): string =>
  `${formatNumber(value)} ${value === 1 ? singular : plural}`

/** Sides in pixels. */
export const formatSize = (width: number, height: number): string =>
  `${formatNumber(width)} × ${formatNumber(height)}`
