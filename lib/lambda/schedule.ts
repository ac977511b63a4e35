import type { Context } from 'aws-lambda'
import { openApp } from '../app.ts'
import { lanesOf, type Schedule } from '../function.ts'
import { once } from '../once.ts'
import { readFunctionConfig } from './config.ts'
import { RESERVE_MS, timeLeft } from './deadline.ts'

/** A schedule as a Lambda handler; the event means nothing. Goes on while there is work and time; returns how much was done. */
export function lambdaSchedule(schedule: Schedule): (event?: unknown, context?: Context) => Promise<number> {
  const open = once(() => openApp(readFunctionConfig(process.env)))
  return async (_event, context) => {
    const app = await open()
    const work = async (lane: string) => {
      let total = 0
      for (;;) {
        const done = await schedule.run(app, lane)
        total += done
        if (done === 0 || timeLeft(context) < RESERVE_MS) return total
      }
    }
    const totals = await Promise.all(lanesOf(schedule, app.config).map(work))
    await schedule.finish?.(app)
    return totals.reduce((sum, total) => sum + total, 0)
  }
}
