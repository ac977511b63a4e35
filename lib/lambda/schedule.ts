import { openApp } from '../app.ts'
import { readConfig } from '../config.ts'
import type { Schedule } from '../function.ts'
import { once } from '../once.ts'

/** A schedule as a Lambda handler; the event means nothing. Returns how much there was to do. */
export function lambdaSchedule(schedule: Schedule): () => Promise<number> {
  const open = once(() => openApp(readConfig(process.env)))
  return async () => schedule.run(await open())
}
