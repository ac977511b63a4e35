import type { App } from '../app.ts'
import { isPostgres, nowPlus } from '../db/port.ts'
import type { EventRow } from './event.ts'
import { publishEvents } from './record.ts'

/** Events that one statement takes. */
const BATCH = 500

/** While one relay publishes what it took, the others leave it alone, in ms. */
const TAKEN_MS = 5_000

/**
 * Publishes the events whose time has come and that are not published: retries, and what a dead process or broker left. Returns how many
 * were confirmed.
 */
export async function relayEvents(app: Pick<App, 'db' | 'queue'>): Promise<number> {
  const due = app.db
    .selectFrom('events')
    .select('id')
    .where('published_at', 'is', null)
    .where('publish_after', '<=', nowPlus())
    .orderBy('publish_after')
    .limit(BATCH)
    .$if(isPostgres(app.db), (query) => query.forUpdate().skipLocked())
  const taken = await app.db
    .updateTable('events')
    .set({ publish_after: nowPlus(TAKEN_MS) })
    .where('id', 'in', due)
    .returning(['id', 'photo_uuid', 'type', 'at', 'data', 'traceparent'])
    .execute()
  const inOrder = taken.sort((a, b) => (a.id < b.id ? -1 : 1)).map((row): EventRow => ({ ...row, due: true }))
  return publishEvents(app, inOrder)
}
