import type { App } from '../app.ts'
import { type Db, nowPlus } from '../db/port.ts'
import { nameOf, targetsOf } from './index.ts'

/** Deliveries that may wait for one target. */
export const MOST_WAITING = 100_000

/** Deliveries given up in one go. */
const BATCH = 10_000

/** For so long, in ms, processes may have different targets: a new one is known to some before others. */
const CHANGE_MS = 600_000

type BacklogApp = Pick<App, 'config' | 'db' | 'log'>

/** Gives up what waits for targets that are not in the configuration any more; returns how many. */
export async function giveUpRemoved({ config, db, log }: BacklogApp): Promise<number> {
  const targets = targetsOf(config)
  const removed = await db
    .selectFrom('deliveries')
    .select(['target', ({ fn }) => fn.countAll<number>().as('count')])
    .where('due', 'is not', null)
    .where('created_at', '<', nowPlus(-CHANGE_MS))
    .$if(targets.length > 0, (query) => query.where('target', 'not in', targets))
    .groupBy('target')
    .execute()
  for (const { target, count } of removed) {
    await db
      .updateTable('deliveries')
      .set({ due: null, error: 'The target is not in the configuration any more' })
      .where('target', '=', target)
      .where('due', 'is not', null)
      .where('created_at', '<', nowPlus(-CHANGE_MS))
      .execute()
    log.warn({ target: nameOf(target), deliveries: count }, 'given up: the target was taken out')
  }
  return removed.reduce((sum, { count }) => sum + count, 0)
}

/** Gives up the oldest deliveries of targets for which more than 100,000 wait; returns how many. */
export async function giveUpExcess({ config, db, log }: BacklogApp, most = MOST_WAITING): Promise<number> {
  let done = 0
  for (const target of targetsOf(config)) {
    const { count } = await db
      .selectFrom('deliveries')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .where('target', '=', target)
      .where('due', 'is not', null)
      .executeTakeFirstOrThrow()
    if (count <= most) continue
    const oldest = db
      .selectFrom('deliveries')
      .select('event_id')
      .where('target', '=', target)
      .where('due', 'is not', null)
      .orderBy('created_at')
      .orderBy('event_id')
      .limit(Math.min(count - most, BATCH))
    const { numUpdatedRows } = await db
      .updateTable('deliveries')
      .set({ due: null, error: `More than ${most} others waited` })
      .where('target', '=', target)
      .where('event_id', 'in', oldest)
      .executeTakeFirstOrThrow()
    log.warn({ target: nameOf(target), deliveries: Number(numUpdatedRows) }, 'given up: too many wait')
    done += Number(numUpdatedRows)
  }
  return done
}

/** How many deliveries wait, by the names of their targets. */
export async function countWaiting(db: Db): Promise<Record<string, number>> {
  const rows = await db
    .selectFrom('deliveries')
    .select(['target', ({ fn }) => fn.countAll<number>().as('count')])
    .where('due', 'is not', null)
    .groupBy('target')
    .execute()
  const counts: Record<string, number> = {}
  for (const { target, count } of rows) counts[nameOf(target)] = (counts[nameOf(target)] ?? 0) + count
  return counts
}
