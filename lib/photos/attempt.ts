import { randomUUID } from 'node:crypto'
import type { App } from '../app.ts'
import { grouped } from '../db/grouped.ts'
import { type Db, isPostgres, nowPlus, PREPARED, uuids } from '../db/port.ts'
import type { AppError, ErrorCode } from '../errors.ts'
import { record } from '../outbox/record.ts'
import { findRenditions } from '../renditions/row.ts'
import { renditionKey } from '../storage/port.ts'
import type { WorkerApp } from '../worker.ts'
import { claimAtOnce, completeAtOnce } from './at-once.ts'
import { eventData, retryingData } from './event-data.ts'
import { plannedPaths } from './files.ts'
import {
  type Attempt,
  type AttemptApp,
  claimPending,
  released,
  replaceRendition,
  type StoredRendition,
  updateClaimed,
} from './held.ts'
import { retryIn } from './row.ts'

/**
 * Claims a pending photo; undefined where it is not pending (any more). Counts the attempt. A photo without a recipe
 * gets the thumbnail recipe of today, for good; one without a trace gets that of the app, or a new one. Called again with
 * the same token, it finds what it has claimed: the answer of the database may have been lost.
 */
export async function claim(
  app: AttemptApp,
  uuid: string,
  token: string = randomUUID(),
): Promise<Attempt | undefined> {
  const photo =
    (await (isPostgres(app.db) ? claimAtOnce : claimInTransaction)(app, uuid, token)) ??
    (await findClaimed(app.db, uuid, token))
  return photo && { photo, token }
}

const findClaimed = (db: Db, uuid: string, token: string) =>
  db
    .selectFrom('photos')
    .selectAll()
    .where('uuid', '=', uuid)
    .where('status', '=', 'processing')
    .where('lease_token', '=', token)
    .executeTakeFirst()

const claimInTransaction = (app: AttemptApp, uuid: string, token: string) =>
  record(app, async (tx, emit) => {
    const claimed = await claimPending(tx, app, { uuid, token }).executeTakeFirst()
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

/**
 * Notes that a render of each attempt has begun: from then on the attempt counts, whatever becomes of its worker. Late
 * attempts are left out.
 */
export const markRenderBegan = grouped(async (db: Db, attempts: readonly Attempt[]) => {
  await db
    .updateTable('photos')
    .set({ render_began_at: nowPlus() })
    .where(
      'uuid',
      'in',
      uuids(
        db,
        attempts.map(({ photo }) => photo.uuid),
      ),
    )
    .where(
      'lease_token',
      'in',
      uuids(
        db,
        attempts.map(({ token }) => token),
      ),
    )
    .$if(isPostgres(db), (query) => query.modifyEnd(PREPARED))
    .execute()
})

/** Prolongs the lease; false where the photo is no longer held by this attempt. */
export async function renew({ config, db }: Pick<App, 'config' | 'db'>, attempt: Attempt): Promise<boolean> {
  const result = await updateClaimed(db, attempt, { lease_until: nowPlus(config.leaseMs) }).executeTakeFirst()
  return result !== undefined
}

/**
 * Stores what was made as rows, and the photo as completed; false for a late attempt. Called again, it finds what it has
 * completed: the answer of the database may have been lost.
 */
export const complete = async (
  app: AttemptApp,
  attempt: Attempt,
  made: readonly StoredRendition[],
  metadata: object,
): Promise<boolean> =>
  (await (isPostgres(app.db) ? completeAtOnce : completeInTransaction)(app, attempt, made, metadata)) ||
  (await isCompletedBy(app.db, attempt))

/**
 * Whether a photo was completed by this attempt: each has another number, or was preceded by more that were given back. A new
 * request begins with the first again: then a late attempt takes what that has completed for its own, which has the same files.
 */
async function isCompletedBy(db: Db, { photo }: Attempt): Promise<boolean> {
  const { uuid, attempts, given_back } = photo
  const found = await db
    .selectFrom('photos')
    .select('uuid')
    .where('uuid', '=', uuid)
    .where('status', '=', 'completed')
    .where('attempts', '=', attempts)
    .where('given_back', '=', given_back)
    .executeTakeFirst()
  return found !== undefined
}

async function completeInTransaction(
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
      .onConflict(replaceRendition)
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
  const { code, message } = error
  const max_attempts = Math.min(app.config.maxAttempts, error.mostAttempts ?? app.config.maxAttempts)
  const done = await record(app, async (tx, emit) => {
    const photo = await updateClaimed(tx, attempt, {
      ...released('pending'),
      ...retryIn(delayMs, { attempt: attempts, max_attempts, error: { code, message } }),
      attempts: isCounted ? attempts : attempts - 1,
    }).executeTakeFirst()
    if (!photo) return false
    const about = { photoUuid: photo.uuid, attempt: attempts }
    const data = retryingData(photo, app.config.publicUrl)
    emit({ ...about, type: 'image.retrying', detail: `${code}: ${message}`, data })
    emit({ ...about, type: 'image.queued', delayMs })
    return true
  })
  if (done && code === 'handed-back') app.metrics.handedBack.inc({ reason: error.reason })
  else if (done) app.metrics.retries.inc({ code })
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
  for (const path of new Set([...known, ...plannedPaths(attempt.photo, app.config)]))
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
