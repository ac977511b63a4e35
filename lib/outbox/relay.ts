import type { App } from '../app.ts'
import { isPostgres, nowPlus } from '../db/port.ts'
import type { EventRow } from './event.ts'
import { LANE } from './lanes.ts'
import { publishEvents } from './publish.ts'
import { publishWaiting } from './waiting.ts'

/** Events that one statement takes. */
const BATCH = 500

/** The share of a window that must be free before its lane goes on: a turn costs nine statements, for one message or for many. */
const FREE_SHARE = 1 / 4

/** While one relay publishes what it took, the others leave it alone, in ms. */
const TAKEN_MS = 5_000

/**
 * Publishes the events whose time has come and that are not published: retries, and what a dead process or broker left;
 * then those that wait for their turn. Returns how many were confirmed.
 */
export async function relayEvents(app: Pick<App, 'access' | 'db' | 'queue'>): Promise<number> {
  const least = Math.max(1, Math.floor(app.queue.window * FREE_SHARE))
  return (await relayDue(app)) + (await publishWaiting(app, least))
}

async function relayDue(app: Pick<App, 'access' | 'db' | 'queue'>): Promise<number> {
  const due = app.db
    .selectFrom('events')
    .select('id')
    .where('published_at', 'is', null)
    .where('publish_after', '<=', nowPlus())
    .where('lane', 'is', null)
    .orderBy('publish_after')
    .limit(BATCH)
    .$if(isPostgres(app.db), (query) => query.forUpdate().skipLocked())
  const taken = await app.db
    .updateTable('events')
    .set(({ selectFrom }) => ({
      publish_after: nowPlus(TAKEN_MS),
      // A retry held no place; now it waits for its turn.
      lane: selectFrom('photos')
        .select(LANE.as('lane'))
        .whereRef('uuid', '=', 'photo_uuid')
        .where('held_at', 'is not', null)
        .where('type', '=', 'image.queued'),
    }))
    .where('id', 'in', due)
    .returning(['id', 'photo_uuid', 'type', 'at', 'data', 'traceparent', 'lane', 'seq'])
    .execute()
  const inOrder = taken
    .filter(({ lane }) => lane === null)
    .sort((a, b) => a.seq - b.seq || (a.id < b.id ? -1 : 1))
    .map(({ lane, seq, ...row }): EventRow => ({ ...row, due: true }))
  return publishEvents(app, inOrder)
}
