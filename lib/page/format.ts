/** Numbers and dates as the visitor's locale writes them. */

const numbers = new Intl.NumberFormat()
const decimals = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 3 })
const dateTimes = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' })
const days = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric', year: 'numeric' })
const times = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' })
const instants = new Intl.DateTimeFormat(undefined, {
  hour: 'numeric',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
})

export const formatNumber = (value: number): string => numbers.format(value)

/** Three digits that count. */
export const formatDecimal = (value: number): string => decimals.format(value)

export const formatDateTime = (time: string): string => dateTimes.format(new Date(time))

/** The time of today, the day of an earlier one. */
export function formatWhen(time: string, now = new Date()): string {
  const date = new Date(time)
  return (date.toDateString() === now.toDateString() ? times : days).format(date)
}

export const formatTime = (time: string): string => times.format(new Date(time))

export const formatInstant = (time: string): string => instants.format(new Date(time))

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
