import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import type { App } from '../app.ts'
import { isPostgres, nowPlus } from '../db/port.ts'
import { forgetAnswers } from '../http/idempotency.ts'
import { forgetDeliveries } from '../notifications/note.ts'
import { record } from '../outbox/record.ts'
import { continueTrace, traceFields } from '../trace.ts'
import { type Attempt, fail } from './attempt.ts'
import type { PhotoRow } from './photo.ts'
import { checkUploads } from './uploads.ts'

/** Events taken, photos freed or asked for again in one go. */
const BATCH = 500

/** While one relay publishes what it took, the others leave it alone, in ms. */
const TAKEN_MS = 5_000

/** The code of an attempt whose worker died. */
const WORKER_LOST = 'worker-lost'

type Core = Pick<App, 'config' | 'db' | 'queue' | 'storage' | 'log' | 'metrics' | 'trace'>

/** Frees photos whose worker died, asks again for those whose message got lost, finds unconfirmed uploads; returns how many. */
export async function sweepPhotos(app: Core): Promise<number> {
  let done = 0
  for (const part of [freeExpired, requeueStale, checkUploads, forgetAnswers, forgetDeliveries])
    done += await part(app).catch((error: Error) => {
      app.log.error({ err: error }, 'a part of the sweep failed')
      return 0
    })
  return done
}

/** Leases that ran out: back to the queue, or given up after too many dead workers. */
async function freeExpired(app: Core): Promise<number> {
  const expired = await app.db
    .selectFrom('photos')
    .selectAll()
    .where('status', '=', 'processing')
    .where('lease_until', '<', nowPlus())
    .limit(BATCH)
    .execute()
  const done = await Promise.all(
    expired.map((photo) => {
      const trace = continueTrace(photo.traceparent)
      const log = app.log.child({ photo_uuid: photo.uuid, attempt: photo.attempts, ...traceFields(trace) })
      return free({ ...app, trace, log }, photo).catch((error: Error) => {
        log.error({ err: error }, 'a photo could not be freed')
        return false
      })
    }),
  )
  return done.filter(Boolean).length
}

async function free(app: Core, photo: PhotoRow): Promise<boolean> {
  if (photo.attempts >= app.config.maxAttempts) {
    const taken = await takeOver(app, photo.uuid)
    if (!taken) return false
    const lost = { code: WORKER_LOST, message: `The worker died ${photo.attempts} times` }
    const failed = await fail(app, taken, lost)
    if (failed) app.log.warn(lost, 'failed')
    return failed
  }
  const done = await record(app, async (tx, emit) => {
    const freed = await tx
      .updateTable('photos')
      .set({ status: 'pending', lease_until: null, lease_token: null, updated_at: nowPlus() })
      .where('uuid', '=', photo.uuid)
      .where('status', '=', 'processing')
      .where('lease_until', '<', nowPlus())
      .returning('uuid')
      .executeTakeFirst()
    if (freed) {
      emit({
        type: 'image.queued',
        photoUuid: photo.uuid,
        attempt: photo.attempts,
        detail: 'The worker was lost',
      })
    }
    return freed !== undefined
  })
  if (done) {
    app.metrics.retries.inc({ code: WORKER_LOST })
    app.log.warn({ code: WORKER_LOST }, 'retried')
  }
  return done
}

/** Holds a photo whose lease ran out under a token of our own, so that a worker that was only late cannot complete it meanwhile. */
async function takeOver({ config, db }: Core, uuid: string): Promise<Attempt | undefined> {
  const token = randomUUID()
  const photo = await db
    .updateTable('photos')
    .set({ lease_token: token, lease_until: nowPlus(config.leaseMs) })
    .where('uuid', '=', uuid)
    .where('status', '=', 'processing')
    .where('lease_until', '<', nowPlus())
    .returningAll()
    .executeTakeFirst()
  return photo && { photo, token }
}

/** Queued photos whose last message is older than `requeueAfterMs`: a broker lost it, or its queue was purged. */
async function requeueStale(app: Core): Promise<number> {
  const { requeueAfterMs } = app.config
  return record(app, async (tx, emit) => {
    const stale = await tx
      .selectFrom('photos')
      .select(['uuid', 'traceparent'])
      .where('status', '=', 'pending')
      .where('queued_at', '<', nowPlus(-requeueAfterMs))
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom('events')
              .select(sql`1`.as('one'))
              .whereRef('events.photo_uuid', '=', 'photos.uuid')
              .where('events.type', '=', 'image.queued')
              .where((eb) =>
                eb.or([eb('published_at', 'is', null), eb('published_at', '>', nowPlus(-requeueAfterMs))]),
              ),
          ),
        ),
      )
      .limit(BATCH)
      .$if(isPostgres(tx), (query) => query.forUpdate().skipLocked())
      .execute()
    for (const { uuid, traceparent } of stale)
      emit({ type: 'image.queued', photoUuid: uuid, detail: 'The message got lost', traceparent })
    return stale.length
  })
}

/** Asks again at once for all that is queued: for a queue that began empty. Returns how many. */
export async function requeueAll(app: Pick<App, 'db' | 'queue'>): Promise<number> {
  const queued = await app.db
    .selectFrom('photos')
    .select('uuid')
    .where('status', '=', 'pending')
    .where('queued_at', 'is not', null)
    .orderBy('queued_at')
    .execute()
  const messages = queued.map(({ uuid }) => ({
    id: uuid,
    to: 'work' as const,
    key: '',
    body: { photo_uuid: uuid },
  }))
  return (await app.queue.publish(messages, TAKEN_MS)).size
}
