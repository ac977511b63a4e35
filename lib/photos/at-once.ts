import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { nowPlus, PREPARED } from '../db/port.ts'
import { publishAlongside, recordAlongside, stampEvent } from '../outbox/alongside.ts'
import { claimedData, eventData, withStored } from './event-data.ts'
import {
  type Attempt,
  type AttemptApp,
  claimPending,
  released,
  replaceRendition,
  type StoredRendition,
  updateClaimed,
} from './held.ts'
import { PHOTO_COLUMNS, type PhotoRow } from './row.ts'

/**
 * On PostgreSQL: claims a photo and records its event in one statement, then publishes that. The attempt goes on meanwhile:
 * what it publishes later goes the same way behind it.
 */
export async function claimAtOnce(
  app: AttemptApp,
  uuid: string,
  token: string,
): Promise<PhotoRow | undefined> {
  const { publicUrl } = app.config
  const event = stampEvent('image.processing')
  const photo: PhotoRow | undefined = await app.db
    .with('changed', (db) => claimPending(db, app, { uuid, token }))
    .with('recorded', (db) =>
      recordAlongside(db, event, { data: claimedData(publicUrl), traceparent: sql`traceparent` }),
    )
    .selectFrom('changed')
    .select(PHOTO_COLUMNS)
    .modifyEnd(PREPARED)
    .executeTakeFirst()
  if (!photo) return undefined
  const data = JSON.stringify(eventData(photo, [], publicUrl))
  const { traceparent, updated_at: at } = photo
  publishAlongside(app, { ...event, at, photo_uuid: uuid, data, traceparent }).catch(() => {})
  return photo
}

/**
 * On PostgreSQL: stores what was made as rows, the photo as completed and its event in one statement, then publishes that;
 * false for a late attempt. What the event says of the photo but its renditions' uuids, reference and labels is known from the
 * claim: nobody else changes it while the attempt holds the photo.
 */
export async function completeAtOnce(
  app: AttemptApp,
  attempt: Attempt,
  made: readonly StoredRendition[],
  metadata: object,
): Promise<boolean> {
  const event = stampEvent('image.uploaded')
  const rows = made.map((rendition) => ({ ...rendition, uuid: randomUUID() }))
  const data = eventData({ ...attempt.photo, status: 'completed' }, rows, app.config.publicUrl)
  const traceparent = app.trace ?? null
  const recorded = await app.db
    .with('changed', (db) =>
      updateClaimed(db, attempt, { ...released('completed'), metadata: JSON.stringify(metadata) }),
    )
    .with(
      'made',
      () => sql<(typeof rows)[number]>`(select * from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
        as made (uuid uuid, name text, format text, width int, height int, url text, bytes int))`,
    )
    .with('removed', (db) =>
      db
        .deleteFrom('photo_thumbnails')
        .where('photo_uuid', 'in', ({ selectFrom }) => selectFrom('changed').select('uuid'))
        .where('name', 'not in', ({ selectFrom }) => selectFrom('made').select('name')),
    )
    .with('stored', (db) =>
      db
        .insertInto('photo_thumbnails')
        .columns(['uuid', 'photo_uuid', 'name', 'format', 'width', 'height', 'url', 'bytes', 'created_at'])
        .expression(({ selectFrom }) =>
          selectFrom(['changed', 'made']).select([
            'made.uuid',
            'changed.uuid as photo_uuid',
            'made.name',
            'made.format',
            'made.width',
            'made.height',
            'made.url',
            'made.bytes',
            nowPlus().as('created_at'),
          ]),
        )
        .onConflict(replaceRendition)
        .returning(['uuid', 'name', 'width', 'height', 'url']),
    )
    .with('recorded', (db) =>
      recordAlongside(db, event, { data: withStored(data), traceparent: sql`${traceparent}::text` }),
    )
    .selectFrom('recorded')
    .select(['at', 'data'])
    .modifyEnd(PREPARED)
    .executeTakeFirst()
  if (!recorded) return false
  const { uuid } = attempt.photo
  await publishAlongside(app, { ...event, ...recorded, photo_uuid: uuid, traceparent })
  return true
}
