/** Where no download ended for so long, in ms, none waits for the next. */
const PATIENCE_MS = 1_000
/** Longest wait in the worker at the pace of that time, in s. Less would hand back what only a busy worker is slow with. */
const LONGEST_WAIT_S = 5
/** Shortest and longest time for which a photo is handed back, in ms; between them it grows with how long nothing has moved. */
const SHORTEST_MS = 2_000
const GROWN_MS = 60_000
const LONGEST_MS = 600_000
/** So many of those that were handed back return in a second, or twice as many as have their turn in it. */
const RETURNS_PER_S = 20

export type Flow = ReturnType<typeof openFlow>

/** How fast downloads of one kind end, and so how many photos may wait for their turn. Times are in ms of one clock. */
export function openFlow() {
  let fullSince: number | undefined
  let ends: number[] = []
  let lastEnd = 0
  let lastReturn = 0
  const recent = (now: number) => {
    ends = ends.filter((at) => at > now - PATIENCE_MS)
    return ends.length
  }
  return {
    /** A photo found no place. */
    full(now: number) {
      fullSince ??= now
    },
    /** A photo found a place at once. */
    free() {
      fullSince = undefined
      lastReturn = 0
    },
    /** What stands still does so for a reason of our own. */
    excuse(now: number) {
      if (fullSince !== undefined) fullSince = now
    },
    ended(now: number) {
      ends.push(now)
      lastEnd = now
    },
    /** How many may wait: all at first, then as many as are likely to have their turn soon. */
    room(now: number): number {
      const isNew = fullSince === undefined || now - fullSince < PATIENCE_MS
      return isNew ? Number.POSITIVE_INFINITY : LONGEST_WAIT_S * recent(now)
    },
    /** For how long to hand one back, at least `leastMs`: jittered, and one after the other, so that they do not return together. */
    delay(now: number, leastMs = 0): number {
      const stood = now - Math.max(fullSince ?? now, lastEnd)
      const grown = Math.max(leastMs, Math.min(Math.max(stood / 2, SHORTEST_MS), GROWN_MS))
      const gap = 1_000 / Math.max(RETURNS_PER_S, 2 * recent(now))
      lastReturn = Math.max(lastReturn + gap, now + grown * (1 + Math.random() / 2))
      return Math.ceil(Math.min(lastReturn - now, LONGEST_MS))
    },
  }
}
