import type { Db } from './port.ts'

/** When each database was last found away, by the monotonic clock, in ms. */
const lastAway = new WeakMap<Db, number>()

/** Notes that a database is away now. */
export function noteAway(db: Db): void {
  lastAway.set(db, performance.now())
}

/** For how long a database has been back, in ms; for ever where this process has not found it away. */
export const backFor = (db: Db): number => performance.now() - (lastAway.get(db) ?? Number.NEGATIVE_INFINITY)
