import { randomUUID } from 'node:crypto'
import type { App } from '../app.ts'
import { nowPlus } from '../db/port.ts'
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

type ExpiredApp = Pick<App, 'config' | 'db' | 'queue' | 'storage' | 'log' | 'metrics' | 'trace'>

/**
 * Frees the photos whose lease ran out, since their worker died: queues them again, or fails them after too many dead
 * workers. An attempt in which no render had begun is given back, for it was hardly the photo that ended its worker; as often
 * as a photo has attempts, lest one that does so while it is downloaded comes back for ever. Returns how many.
 */
export async function freeExpired(app: ExpiredApp): Promise<number> {
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
      .set({
        status: 'pending',
        lease_until: null,
        lease_token: null,
        updated_at: nowPlus(),
        published_at: nowPlus(),
      })
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
