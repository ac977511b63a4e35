import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import type { App } from '../app.ts'
import { type Db, nowPlus } from '../db/port.ts'
import type { AppError, ErrorCode } from '../errors.ts'
import { THUMBNAIL_RECIPE } from '../imaging/recipe.ts'
import { record } from '../outbox/record.ts'
import type { PhotoStatus } from '../photo-status.ts'
import { findRenditions } from '../renditions/row.ts'
import { renditionKey } from '../storage/port.ts'
import { continueTrace } from '../trace.ts'
import type { WorkerApp } from '../worker.ts'
import { eventData } from './event-data.ts'
import { plannedPaths } from './files.ts'
import { type PhotoRow, REQUESTED_AT } from './row.ts'

/** A photo held under a lease; every write of the attempt carries the token, and a late one changes nothing. */
export type Attempt = { photo: PhotoRow; token: string }

/** A stored rendition, before it is a row. */
export type StoredRendition = {
  name: string
  format: string
  width: number
  height: number
  url: string
  bytes: number
}

type AttemptApp = Pick<App, 'config' | 'db' | 'queue' | 'metrics' | 'trace'>

/**
 * Claims a pending photo; undefined where it is not pending (any more). Counts the attempt. A photo without a recipe
 * gets the thumbnail recipe of today, for good; one without a trace gets that of the app, or a new one.
 */
export async function claim(app: AttemptApp, uuid: string): Promise<Attempt | undefined> {
  const token = randomUUID()
  const photo = await record(app, async (tx, emit) => {
    const claimed = await tx
      .updateTable('photos')
      .set({
        status: 'processing',
        // A pending photo that nobody has requested, or whose status somebody has set, begins anew.
        attempts: sql<number>`case when queued_at is null then 1 else attempts + 1 end`,
        error_code: null,
        error: null,
        lease_until: nowPlus(app.config.leaseMs),
        lease_token: token,
        requested_at: sql<string>`coalesce(queued_at, ${nowPlus()})`,
        queued_at: null,
        updated_at: nowPlus(),
        recipe: sql<string>`coalesce(recipe, ${JSON.stringify(THUMBNAIL_RECIPE)})`,
        traceparent: sql<string>`coalesce(traceparent, ${continueTrace(app.trace)})`,
      })
      .where('uuid', '=', uuid)
      .where('status', '=', 'pending')
      .returningAll()
      .executeTakeFirst()
    if (claimed) {
      emit({
        type: 'image.processing',
        photoUuid: uuid,
        attempt: claimed.attempts,
        data: eventData(claimed, [], app.config.publicUrl),
        traceparent: claimed.traceparent,
      })
    }
    return claimed
  })
  return photo && { photo, token }
}

/** Prolongs the lease; false where the photo is no longer held by this attempt. */
export async function renew({ config, db }: Pick<App, 'config' | 'db'>, attempt: Attempt): Promise<boolean> {
  const result = await updateClaimed(db, attempt, { lease_until: nowPlus(config.leaseMs) }).executeTakeFirst()
  return result !== undefined
}

/** Stores what was made as rows, and the photo as completed; false for a late attempt. */
export async function complete(
  app: AttemptApp,
  attempt: Attempt,
  made: readonly StoredRendition[],
  metadata: object,
): Promise<boolean> {
  const { uuid } = attempt.photo
  return record(app, async (tx, emit) => {
    const photo = await updateClaimed(tx, attempt, {
      ...released('completed'),
      metadata: JSON.stringify(metadata),
    }).executeTakeFirst()
    if (!photo) return false
    const names = made.map(({ name }) => name)
    await tx
      .deleteFrom('photo_thumbnails')
      .where('photo_uuid', '=', uuid)
      .where('name', 'not in', names)
      .execute()
    await tx
      .insertInto('photo_thumbnails')
      .values(
        made.map((rendition) => ({
          ...rendition,
          uuid: randomUUID(),
          photo_uuid: uuid,
          created_at: nowPlus(),
        })),
      )
      .onConflict((conflict) =>
        conflict.columns(['photo_uuid', 'name']).doUpdateSet((eb) => ({
          width: eb.ref('excluded.width'),
          height: eb.ref('excluded.height'),
          url: eb.ref('excluded.url'),
          format: eb.ref('excluded.format'),
          bytes: eb.ref('excluded.bytes'),
          created_at: eb.ref('excluded.created_at'),
        })),
      )
      .execute()
    const renditions = await findRenditions(tx, [uuid])
    const data = eventData(photo, renditions, app.config.publicUrl)
    emit({ type: 'image.uploaded', photoUuid: uuid, attempt: photo.attempts, data })
    return true
  })
}

/** Sets the photo back to pending, to be tried again after `delayMs`; an attempt that is not counted is taken back. */
export async function retryLater(
  app: AttemptApp,
  attempt: Attempt,
  error: AppError,
  { delayMs, isCounted }: { delayMs: number; isCounted: boolean },
): Promise<boolean> {
  const { attempts } = attempt.photo
  const done = await record(app, async (tx, emit) => {
    const photo = await updateClaimed(tx, attempt, {
      ...released('pending'),
      attempts: isCounted ? attempts : attempts - 1,
    }).executeTakeFirst()
    if (!photo) return false
    const detail = `${error.code}: ${error.message}`
    emit({ type: 'image.queued', photoUuid: photo.uuid, attempt: attempts, detail, delayMs })
    return true
  })
  if (done) app.metrics.retries.inc({ code: error.code })
  return done
}

/** Fails the photo for good. Its files, of this run or an earlier one, go first, while the lease keeps others away from them. */
export async function fail(
  app: AttemptApp & Pick<WorkerApp, 'storage'>,
  attempt: Attempt,
  error: { code: ErrorCode; message: string },
): Promise<boolean> {
  if (!(await renew(app, attempt))) return false
  const { uuid } = attempt.photo
  const known = (await findRenditions(app.db, [uuid])).map(({ url }) => url)
  for (const path of new Set([...known, ...plannedPaths(attempt.photo)]))
    await app.storage.remove(renditionKey(path))
  const done = await record(app, async (tx, emit) => {
    const photo = await updateClaimed(tx, attempt, {
      ...released('failed'),
      error_code: error.code,
      error: error.message,
    }).executeTakeFirst()
    if (!photo) return false
    await tx.deleteFrom('photo_thumbnails').where('photo_uuid', '=', uuid).execute()
    const detail = `${error.code}: ${error.message}`
    const data = eventData(photo, [], app.config.publicUrl)
    emit({ type: 'image.failed', photoUuid: uuid, attempt: photo.attempts, detail, data })
    return true
  })
  if (done) app.metrics.failures.inc({ code: error.code })
  return done
}

const released = (status: PhotoStatus) => ({
  status,
  queued_at: status === 'pending' ? REQUESTED_AT : null,
  requested_at: null,
  lease_until: null,
  lease_token: null,
  updated_at: nowPlus(),
})

/** An update of a photo while this attempt holds it; it returns no row afterwards. */
const updateClaimed = (db: Db, { photo, token }: Attempt, set: object) =>
  db
    .updateTable('photos')
    .set(set)
    .where('uuid', '=', photo.uuid)
    .where('status', '=', 'processing')
    .where('lease_token', '=', token)
    .returningAll()
