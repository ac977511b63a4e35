import type { Db } from '../db/port.ts'
import type { EventType } from '../db/tables.ts'
import { parseUuid } from '../uuid.ts'
import { type CloudEvent, toCloudEvent } from './event.ts'

/** What a client subscribes to: everything, a project, or one photo. */
export type Subscription = { kind: 'all' } | { kind: 'project'; id: number } | { kind: 'photo'; uuid: string }

/** The events that subscribers get. */
const LIVE: EventType[] = ['image.processing', 'image.uploaded', 'image.failed', 'image.deleted']

/** How far before the cursor a replay starts, in ms: transactions commit out of the order of their ids. */
const OVERLAP_MS = 10_000

/** How old a cursor may be, in ms: beyond that a client is better off reading the state anew. */
const MAX_AGE_MS = 24 * 3_600_000

const BATCH = 500

/** Whether what happened since a cursor is still replayed. Undefined where it is no id of an event. */
export function isReplayable(cursor: string, now = Date.now()): boolean | undefined {
  const time = timeOf(cursor)
  return time === undefined ? undefined : time >= now - MAX_AGE_MS
}

/** Events of a subscription from 10 s before the cursor, oldest first, in batches. */
export async function* missedEvents(
  db: Db,
  subscription: Subscription,
  cursor: string,
): AsyncGenerator<CloudEvent[]> {
  let after = idBefore((timeOf(cursor) ?? Date.now()) - OVERLAP_MS)
  for (;;) {
    const rows = await db
      .selectFrom('events')
      .select(['id', 'photo_uuid', 'type', 'at', 'data', 'traceparent'])
      .where('id', '>', after)
      .where('type', 'in', LIVE)
      .$if(subscription.kind === 'project', (query) =>
        query.where('project_id', '=', subscription.kind === 'project' ? subscription.id : 0),
      )
      .$if(subscription.kind === 'photo', (query) =>
        query.where('photo_uuid', '=', subscription.kind === 'photo' ? subscription.uuid : ''),
      )
      .orderBy('id')
      .limit(BATCH)
      .execute()
    const last = rows.at(-1)
    if (!last) return
    yield rows.map(toCloudEvent)
    after = last.id
  }
}

/** The time in the first 48 bits of a UUIDv7, in ms. */
function timeOf(cursor: string): number | undefined {
  const id = parseUuid(cursor)
  return id?.[14] === '7' ? Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16) : undefined
}

/** Smaller than every UUIDv7 of that time. */
export function idBefore(ms: number): string {
  const hex = Math.max(0, ms).toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`
}
