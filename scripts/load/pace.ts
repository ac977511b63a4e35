import { setTimeout as delay, setImmediate } from 'node:timers/promises'

/** Calls `launch` so many times a second, whatever becomes of the calls, for so long or until `signal` aborts. */
export async function pace(
  rate: number,
  seconds: number,
  launch: () => void,
  signal?: AbortSignal,
): Promise<void> {
  const count = Math.max(1, Math.round(rate * seconds))
  const start = performance.now()
  for (let i = 0; i < count && !signal?.aborted; i++) {
    const wait = start + (i * 1000) / rate - performance.now()
    // A timer is late by up to 1 ms; whoever is behind still lets answers in.
    await (wait > 1 ? delay(wait, undefined, { signal }).catch(() => {}) : setImmediate())
    if (!signal?.aborted) launch()
  }
}

/** The value that `share` (0 to 1) of the values do not exceed; NaN of none. */
export function percentile(values: readonly number[] | Float64Array, share: number): number {
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
}
