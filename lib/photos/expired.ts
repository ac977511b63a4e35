import { randomUUID } from 'node:crypto'
import type { App } from '../app.ts'
import { isDatabaseAway } from '../away.ts'
import { checkDatabase } from '../db/check.ts'
import { type Db, nowPlus } from '../db/port.ts'
import type { ErrorCode } from '../errors.ts'
import { record } from '../outbox/record.ts'
import { continueTrace, traceFields } from '../trace.ts'
import { fail } from './attempt.ts'
import type { Attempt } from './held.ts'
import type { PhotoRow } from './row.ts'

/** Photos freed in one go. */
const BATCH = 500

/** The code of an attempt whose worker died. */
const WORKER_LOST: ErrorCode = 'worker-lost'

/** When the sweep last found the database away, by the monotonic clock, in ms. */
const lastAway = new WeakMap<Db, number>()

type ExpiredApp = Pick<App, 'config' | 'db' | 'queue' | 'storage' | 'log' | 'metrics' | 'trace'>

/**
 * Frees the photos whose lease ran out, since their worker died: queues them again, or fails them after too many dead
 * workers. An attempt in which no render had begun is given back, for it was hardly the photo that ended its worker; as often
 * as a photo has attempts, lest one that does so while it is downloaded comes back for ever. Returns how many.
 *
 * A worker that lives could not renew its leases while the database was away: no lease runs out before it has been back for
 * the length of one.
 */
export async function freeExpired(app: ExpiredApp): Promise<number> {
  await checkDatabase(app.db).catch((error) => noteAway(app, error))
  const backMs = performance.now() - (lastAway.get(app.db) ?? Number.NEGATIVE_INFINITY)
  if (backMs < app.config.leaseMs) return 0
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
        if (isDatabaseAway(error)) lastAway.set(app.db, performance.now())
        log.error({ err: error }, 'a photo could not be freed')
        return false
      })
    }),
  )
  return done.filter(Boolean).length
}

/** Throws the error again. */
function noteAway({ db }: ExpiredApp, error: unknown): never {
  if (isDatabaseAway(error)) lastAway.set(db, performance.now())
  throw error
}

async function free(app: ExpiredApp, photo: PhotoRow): Promise<boolean> {
  const { attempts, given_back, render_began_at } = photo
  const { maxAttempts } = app.config
  const isGivenBack = render_began_at === null && given_back < maxAttempts
  if (attempts >= maxAttempts && !isGivenBack) {
    const taken = await takeOver(app, photo.uuid)
    if (!taken) return false
    const lost = { code: WORKER_LOST, message: `The worker died ${attempts} times` }
    const failed = await fail(app, taken, lost)
    if (failed) app.log.warn(lost, 'failed')
    return failed
  }
  const done = await record(app, async (tx, emit) => {
    const freed = await tx
      .updateTable('photos')
      .set({ status: 'pending', lease_until: null, lease_token: null, updated_at: nowPlus() })
      .$if(isGivenBack, (query) =>
        query
          .set({ attempts: Math.max(0, attempts - 1), given_back: given_back + 1 })
          .where('render_began_at', 'is', null),
      )
      .where('uuid', '=', photo.uuid)
      .where('status', '=', 'processing')
      .where('lease_until', '<', nowPlus())
      .returning('uuid')
      .executeTakeFirst()
    if (freed) {
      emit({
        type: 'image.queued',
        photoUuid: photo.uuid,
        attempt: attempts,
        detail: isGivenBack
          ? 'The worker was lost before a render began: the attempt does not count'
          : 'The worker was lost',
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
async function takeOver({ config, db }: ExpiredApp, uuid: string): Promise<Attempt | undefined> {
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
