/** A time of RFC 3339, whose seconds, zone, or all but its date may be missing. */
const TIME = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(:\d\d(?:\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?$/i

/** A time with all its parts: a date is its first instant, what has no zone is in UTC. What is no time stays as it is. */
export const timeInFull = (time: string): string =>
  time.replace(
    TIME,
    (_, date: string, minutes = '00:00', seconds = ':00', zone = 'Z') =>
      `${date}T${minutes}${seconds}${zone}`,
  )

/** Whether a time does not say in which zone it is; a date needs none. */
export const lacksZone = (time: string): boolean => /\d\d:\d\d/.test(time) && !TIME.exec(time)?.[4]

/** The same time in UTC, with milliseconds, as rows have it. */
export const inUtc = (time: string): string => new Date(timeInFull(time)).toISOString()
