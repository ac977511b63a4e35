const DATE = String.raw`(\d{4}-\d\d-\d\d)`
const CLOCK = String.raw`(\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)`
const TIME = new RegExp(String.raw`^${DATE}(?:[T ]${CLOCK}(Z|[+-]\d\d:?\d\d)?)?$`, 'i')

/**
 * A time in UTC as it is stored, from what programs write: a date, or one with a time of day, which is of UTC where it has no offset.
 * Undefined for anything else, and for years that a database has not.
 */
export function readTime(text: string): string | undefined {
  const [, date = '', clock = '00:00', zone = 'Z'] = TIME.exec(text) ?? []
  const day = Date.parse(date)
  // `Date` makes the second of March of the thirtieth of February.
  if (Number.isNaN(day) || !new Date(day).toISOString().startsWith(date)) return undefined
  const offset = zone.replace(/(\d\d):?(\d\d)$/, '$1:$2').toUpperCase()
  const time = new Date(`${date}T${clock}${offset}`)
  if (Number.isNaN(time.valueOf())) return undefined
  const stored = time.toISOString()
  return /^(?!0000)\d{4}-/.test(stored) ? stored : undefined
}
