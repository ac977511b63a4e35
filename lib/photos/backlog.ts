import { type Db, nowPlus } from '../db/port.ts'
import type { Backlog } from '../metrics.ts'
import { countWaiting } from '../notifications/backlog.ts'
import { countByStatus } from './counts.ts'

/** Reads the backlog from indexes alone. */
export async function readBacklog(db: Db): Promise<Backlog> {
  const [{ total: _, ...photos }, queued, outbox, held, waiting] = await Promise.all([
    countByStatus(db, {}),
    db
      .selectFrom('photos')
      .select(({ fn }) => [
        fn.countAll<number>().as('depth'),
        fn.min('queued_at').as('oldest'),
        nowPlus().as('now'),
      ])
      .where('status', '=', 'pending')
      .where('queued_at', 'is not', null)
      .executeTakeFirstOrThrow(),
    db
      .selectFrom('events')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .where('published_at', 'is', null)
      .where('publish_after', '<=', nowPlus())
      .where('lane', 'is', null)
      .executeTakeFirstOrThrow(),
    db
      .selectFrom('events')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .where('lane', 'is not', null)
      .executeTakeFirstOrThrow(),
    countWaiting(db),
  ])
  const { depth, oldest, now } = queued
  const oldestAgeS = oldest === null ? 0 : Math.max(0, Date.parse(now) - Date.parse(oldest)) / 1000
  return { photos, depth, oldestAgeS, outbox: outbox.count, held: held.count, deliveries: waiting }
}
