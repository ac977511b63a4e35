/** So many downloads of a host in a row that time out open its circuit. */
const TIMEOUTS = 3
/** How long a circuit stays open, in ms; twice as long after each probe that times out too, up to the longest. */
const FIRST_OPEN_MS = 10_000
const LONGEST_OPEN_MS = 300_000

/** What a download says of its host: it was not too slow, whatever it answered; it was; or nothing, since we ended the download. */
export type Verdict = 'in-time' | 'timed-out' | 'none'

export type CircuitState = 'closed' | 'open' | 'half-open'

/** Whether a host is worth a download: after several in a row that timed out it is left alone, then probed. Times are in ms of one clock. */
export function openCircuit() {
  let timeouts = 0
  let openMs = 0
  let opensUntil = 0
  return {
    state: (now: number): CircuitState => (openMs === 0 ? 'closed' : now < opensUntil ? 'open' : 'half-open'),
    /** How long it stays open from now on. */
    left: (now: number) => Math.max(0, opensUntil - now),
    /** True where nothing is held against the host. */
    isClean: () => timeouts === 0 && openMs === 0,
    take(verdict: Verdict, now: number) {
      if (verdict === 'in-time') timeouts = openMs = opensUntil = 0
      if (verdict !== 'timed-out') return
      timeouts++
      // Those that began before it opened say nothing new.
      if (timeouts < TIMEOUTS || now < opensUntil) return
      openMs = openMs === 0 ? FIRST_OPEN_MS : Math.min(2 * openMs, LONGEST_OPEN_MS)
      opensUntil = now + openMs
    },
  }
}
