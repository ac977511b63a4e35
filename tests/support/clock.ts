import { onTestFinished, vi } from 'vitest'

/**
 * Stops the clock by which this process measures durations, until the test ends; returns what lets so many ms pass. Timers and
 * the time of day go on.
 */
export function stopClock(): (ms: number) => void {
  const start = performance.now()
  let passed = 0
  const spy = vi.spyOn(performance, 'now').mockImplementation(() => start + passed)
  onTestFinished(() => spy.mockRestore())
  return (ms) => {
    passed += ms
  }
}
