import { type QueryCreator, type RawBuilder, type Selectable, sql } from 'kysely'
import { uuidv7 } from 'uuidv7'
import type { App } from '../app.ts'
import { nowPlus } from '../db/port.ts'
import type { EventType } from '../db/tables/events.ts'
import type { Tables } from '../db/tables/index.ts'
import type { PhotosTable } from '../db/tables/photos.ts'
import type { EventRow } from './event.ts'
import { GRACE_MS } from './insert.ts'
import { markSoon } from './mark-soon.ts'
import { messageOf } from './message.ts'
import { publishMessages, signerOrNone } from './publish.ts'

/** What an event has before the statement that records it. */
type Stamp = { id: string; type: EventType }

export const stampEvent = (type: EventType): Stamp => ({ id: uuidv7(), type })

/** A statement of which a part, `changed`, changes a photo and returns it. */
type Changing = QueryCreator<Tables & { changed: Selectable<PhotosTable> }>

/**
 * The part of a statement on PostgreSQL that records an event of the photo that was changed, if one was: change and event
 * are committed together in one round trip, at the same time, `updated_at`. `publishAlongside` publishes it after the commit.
 */
export const recordAlongside = (
  db: Changing,
  { id, type }: Stamp,
  { data, traceparent }: { data: RawBuilder<unknown>; traceparent: RawBuilder<string> },
) =>
  db
    .insertInto('events')
    .columns([
      'id',
      'photo_uuid',
      'project_id',
      'type',
      'at',
      'attempt',
      'data',
      'traceparent',
      'publish_after',
    ])
    .expression(({ selectFrom }) =>
      selectFrom('changed').select([
        sql<string>`${id}::uuid`.as('id'),
        'uuid',
        'project_id',
        sql<EventType>`${type}`.as('type'),
        'updated_at as at',
        'attempts',
        sql<string>`${data}::jsonb`.as('data'),
        sql<string>`${traceparent}`.as('traceparent'),
        nowPlus(GRACE_MS).as('publish_after'),
      ]),
    )
    .returning(['at', 'data'])

/** Publishes an event that a statement has recorded, and does not wait for its mark. */
export async function publishAlongside(
  app: Pick<App, 'access' | 'db' | 'queue'>,
  event: Omit<EventRow, 'due'>,
): Promise<number> {
  const sign = await signerOrNone(app)
  return sign ? publishMessages(app, [messageOf(event, sign)], markSoon) : 0
}
