import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import type { App } from '../app.ts'
import { isDatabaseAway } from '../away.ts'
import { checkDatabase } from '../db/check.ts'
import { backFor, noteAway } from '../db/last-away.ts'
import { nowPlus } from '../db/port.ts'
import type { ErrorCode } from '../errors.ts'
import { record } from '../outbox/record.ts'
import { renditionKey } from '../storage/port.ts'
import { continueTrace, traceFields } from '../trace.ts'
import { fail } from './attempt.ts'
import { retryingData } from './event-data.ts'
import { plannedPaths } from './files.ts'
import { type Attempt, released } from './held.ts'
import { planRemoval } from './removals.ts'
import { type PhotoRow, REQUESTED_ANEW, retryIn } from './row.ts'

/** Photos freed in one go. */
const BATCH = 500

/** The code of an attempt whose worker died. */
const WORKER_LOST: ErrorCode = 'worker-lost'

type ExpiredApp = Pick<App, 'access' | 'config' | 'db' | 'queue' | 'storage' | 'log' | 'metrics' | 'trace'>

/** Somebody has set a status by hand where there is no lease. */
const EXPIRED = sql<boolean>`(lease_until < ${nowPlus()} or lease_until is null)`

/**
 * Frees the photos whose lease ran out, since their worker died: queues them again, or fails them after too many dead
 * workers. An attempt in which no render had begun is given back, for it was hardly the photo that ended its worker; as often
 * as a photo has attempts, lest one that does so while it is downloaded comes back for ever. Those that no worker holds are
 * queued, too. Returns how many.
 *
 * A worker that lives could not renew its leases while the database was away: no lease runs out before it has been back for
 * the length of one.
 */
export async function freeExpired(app: ExpiredApp): Promise<number> {
  await checkDatabase(app.db).catch((error) => {
    if (isDatabaseAway(error)) noteAway(app.db)
    throw error
  })
  if (backFor(app.db) < app.config.leaseMs) return 0
  const expired = await app.db
    .selectFrom('photos')
    .selectAll()
    .where('status', '=', 'processing')
    .where(EXPIRED)
    .limit(BATCH)
    .execute()
  const done = await Promise.all(
    expired.map((photo) => {
      const trace = continueTrace(photo.traceparent)
      const log = app.log.child({ photo_uuid: photo.uuid, attempt: photo.attempts, ...traceFields(trace) })
      return free({ ...app, trace, log }, photo).catch((error: Error) => {
        if (isDatabaseAway(error)) noteAway(app.db)
        log.error({ err: error }, 'a photo could not be freed')
        return false
      })
    }),
  )
  return done.filter(Boolean).length
}

async function free(app: ExpiredApp, photo: PhotoRow): Promise<boolean> {
  const { uuid, attempts, given_back, render_began_at } = photo
  const { maxAttempts } = app.config
  const wasHeld = photo.lease_until !== null
  const isGivenBack = wasHeld && render_began_at === null && given_back < maxAttempts
  if (wasHeld && attempts >= maxAttempts && !isGivenBack) {
    const taken = await takeOver(app, photo.uuid)
    if (!taken) return false
    // The worker may only have been late, and store what it makes after this.
    await planRemoval(app.db, photo.uuid, plannedPaths(taken.photo, app.config).map(renditionKey), true)
    const lost = { code: WORKER_LOST, message: `The worker died ${attempts} times` }
    const failed = await fail(app, taken, lost)
    if (failed) app.log.warn(lost, 'failed')
    return failed
  }
  const detail = isGivenBack
    ? 'The worker was lost before a render began: the attempt does not count'
    : 'The worker was lost'
  const error = { code: WORKER_LOST, message: detail }
  const done = await record(app, async (tx, emit) => {
    const freed = await tx
      .updateTable('photos')
      .set({
        ...(wasHeld
          ? { ...released('pending'), ...retryIn(0, { attempt: attempts, max_attempts: maxAttempts, error }) }
          : REQUESTED_ANEW),
        published_at: nowPlus(),
      })
      .$if(isGivenBack, (query) =>
        query
          .set({ attempts: Math.max(0, attempts - 1), given_back: given_back + 1 })
          .where('render_began_at', 'is', null),
      )
      .where('uuid', '=', uuid)
      .where('status', '=', 'processing')
      .where(EXPIRED)
      .returningAll()
      .executeTakeFirst()
    if (freed) {
      const about = { photoUuid: uuid, attempt: attempts }
      const data = retryingData(freed, app.config.publicUrl)
      if (wasHeld) emit({ ...about, type: 'image.retrying', detail, data })
      emit(
        wasHeld
          ? { ...about, type: 'image.queued' }
          : { photoUuid: uuid, type: 'image.queued', detail: 'No worker held the photo' },
      )
    }
    return freed !== undefined
  })
  if (done && wasHeld) {
    app.metrics.retries.inc({ code: WORKER_LOST })
    app.log.warn({ code: WORKER_LOST }, 'retried')
  }
  return done
}

/** Holds a photo whose lease ran out under a token of our own, so that a worker that was only late cannot complete it meanwhile. */
async function takeOver({ config, db }: ExpiredApp, uuid: string): Promise<Attempt | undefined> {
  const token = randomUUID()
  const photo = await db
    .updateTable('photos')
    .set({ lease_token: token, lease_until: nowPlus(config.leaseMs) })
    .where('uuid', '=', uuid)
    .where('status', '=', 'processing')
    .where(EXPIRED)
    .returningAll()
    .executeTakeFirst()
  return photo && { photo, token }
}
