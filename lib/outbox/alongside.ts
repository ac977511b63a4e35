import { type QueryCreator, type RawBuilder, type Selectable, sql } from 'kysely'
import { uuidv7 } from 'uuidv7'
import { nowPlus } from '../db/port.ts'
import type { EventType, PhotosTable, Tables } from '../db/tables.ts'
import { GRACE_MS } from './record.ts'

/** What an event has before the statement that records it. */
export type Stamp = { id: string; type: EventType; at: string }

export const stampEvent = (type: EventType): Stamp => ({ id: uuidv7(), type, at: new Date().toISOString() })

/** A statement of which a part, `changed`, changes a photo and returns it. */
export type Changing = QueryCreator<Tables & { changed: Selectable<PhotosTable> }>

/**
 * The part of a statement on PostgreSQL that records an event of the photo that was changed, if one was: change and event
 * are committed together in one round trip. Publishing is left to the caller, as after `record()`.
 */
export const recordAlongside = (
  db: Changing,
  { id, type, at }: Stamp,
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
        sql<string>`${at}::timestamptz`.as('at'),
        'attempts',
        sql<string>`${data}::jsonb`.as('data'),
        sql<string>`${traceparent}`.as('traceparent'),
        nowPlus(GRACE_MS).as('publish_after'),
      ]),
    )
    .returning('data')
