import type { App } from '../app.ts'
import { nowPlus } from '../db/port.ts'
import { type CloudEvent, unsignEvent } from '../outbox/event.ts'
import { missedEvents } from '../outbox/replay.ts'
import { targetsFor } from './index.ts'

/** Deliveries deleted by one statement. */
const BATCH = 1_000

/** Enqueues the deliveries of an event, one a target however often the event comes; a target that has stopped gets none. */
export async function enqueueDeliveries(
  { config, db }: Pick<App, 'config' | 'db'>,
  event: CloudEvent,
): Promise<void> {
  const targets = targetsFor(config, event.type)
  if (targets.length === 0) return
  const stopped = await db.selectFrom('stopped_targets').select('target').execute()
  const body = JSON.stringify(unsignEvent(event))
  const now = new Date().toISOString()
  const rows = targets
    .filter((target) => !stopped.some((row) => row.target === target))
    .map((target) => ({ event_id: event.id, target, body, due: now, created_at: now }))
  if (rows.length === 0) return
  await db
    .insertInto('deliveries')
    .values(rows)
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

/** Enqueues the deliveries of the events since the last one that has any: for a queue that was lost with its process. */
export async function enqueueMissed(app: Pick<App, 'access' | 'config' | 'db'>): Promise<void> {
  const last = await app.db
    .selectFrom('deliveries')
    .select('event_id')
    .orderBy('event_id', 'desc')
    .limit(1)
    .executeTakeFirst()
  if (!last) return
  for await (const events of missedEvents(app, { kind: 'all' }, last.event_id))
    for (const event of events) await enqueueDeliveries(app, event)
}

/** Deletes deliveries older than `deliveriesKeepMs` that are done or given up, some at a time; returns how many. */
export async function deleteOldDeliveries({ config, db }: Pick<App, 'config' | 'db'>): Promise<number> {
  const old = db
    .selectFrom('deliveries')
    .select(['event_id', 'target'])
    .where('due', 'is', null)
    .where('created_at', '<', nowPlus(-config.deliveriesKeepMs))
    .orderBy('created_at')
    .limit(BATCH)
  const { numDeletedRows } = await db
    .deleteFrom('deliveries')
    .where(({ eb, refTuple }) => eb(refTuple('event_id', 'target'), 'in', old.$asTuple('event_id', 'target')))
    .executeTakeFirstOrThrow()
  return Number(numDeletedRows)
}
