import { setTimeout as delay } from 'node:timers/promises'
import type { App } from '../../lib/app.ts'
import { withDeadline } from '../../lib/deadline.ts'
import { lanesOf, type Schedule } from '../../lib/function.ts'

/** Longest turn, in ms: what it waits for has shorter deadlines of its own. */
const TURN_MS = 60_000

/** Runs every lane of a schedule until `signal` aborts; resolves when the last turn has ended. */
export async function runLoops(
  app: App,
  schedule: Schedule,
  signal: AbortSignal,
  turnMs = TURN_MS,
): Promise<void> {
  await Promise.all(lanesOf(schedule, app.config).map((lane) => repeat(app, schedule, lane, signal, turnMs)))
}

/** Again at once while there is work; else, or after a fault, at the schedule's interval. */
async function repeat(app: App, schedule: Schedule, lane: string, signal: AbortSignal, turnMs: number) {
  const { name, run } = schedule
  const interval = schedule.every(app.config)
  const watched = app.supervision.watch(name, 2 * turnMs + interval)
  while (!signal.aborted) {
    const done = await withDeadline(turnMs, run(app, lane), () => HANGS).then(
      (count) => {
        watched.turned()
        return count
      },
      (error: unknown) => {
        // A turn that fails has moved; one that hangs has not, and the next may.
        if (error !== HANGS) watched.turned()
        app.log.error({ schedule: name, err: error }, 'schedule failed')
        return 0
      },
    )
    if (done === 0) await delay(interval, undefined, { signal }).catch(() => {})
  }
  watched.end()
}

const HANGS = new Error('The turn has not ended within its deadline')
