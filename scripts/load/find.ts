import { percentile } from './pace.ts'
import type { Outcome } from './run.ts'

/** How near the highest rate that is sustained and the lowest that is not have to come. */
const PRECISION = 1.1

/** Below this many photos per second there is nothing to find. */
const LEAST = 0.05

/**
 * Whether everything was done and no queue grows: the last third of the photos waited under twice as long as the first,
 * and longer by less than a tenth of the run, each and 1 s. Twice alone is met by a queue that is long from the begin.
 */
export function isSustained({ failed, refused, lost, latencies, tookMs }: Outcome): boolean {
  if (failed + refused + lost > 0 || latencies.length === 0) return false
  const third = Math.max(1, Math.floor(latencies.length / 3))
  const first = percentile(latencies.slice(0, third), 0.95)
  const last = percentile(latencies.slice(-third), 0.95)
  return last < 2 * first + 1000 && last - first < tookMs / 10 + 1000
}

/**
 * The highest rate that is sustained: doubles from `start` until one is not (or halves until one is), then bisects. 0
 * where none is.
 */
export async function findRate(sustains: (rate: number) => Promise<boolean>, start: number): Promise<number> {
  let [low, high] = [0, start]
  while (await sustains(high)) [low, high] = [high, high * 2]
  while (low === 0) {
    if (high / 2 < LEAST) return 0
    if (await sustains(high / 2)) low = high / 2
    else high /= 2
  }
  while (high / low > PRECISION) {
    const middle = (low + high) / 2
    if (await sustains(middle)) low = middle
    else high = middle
  }
  return low
}
