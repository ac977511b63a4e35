import type { App } from '../app.ts'
import { grouped } from '../db/grouped.ts'
import { type Db, isPostgres, PREPARED, uuids } from '../db/port.ts'
import type { AppError } from '../errors.ts'
import { record } from '../outbox/record.ts'
import { REQUESTED_ANEW } from './row.ts'

/** The URLs of those of these photos that are pending: what a worker looks at before it claims one. */
export const findPendingUrls = grouped(
  async (db: Db, asked: readonly string[]): Promise<Map<string, string>> => {
    const rows = await db
      .selectFrom('photos')
      .select(['uuid', 'url'])
      .where('uuid', 'in', uuids(db, asked))
      .where('status', '=', 'pending')
      .$if(isPostgres(db), (query) => query.modifyEnd(PREPARED))
      .execute()
    return new Map(rows.map(({ uuid, url }) => [uuid, url]))
  },
)

type HandBackApp = Pick<App, 'access' | 'db' | 'queue' | 'metrics' | 'trace'>
type HandedBack = { uuid: string; error: AppError }

/** Queues photos that nobody has claimed again, each as late as its error says. */
export const handBack = grouped(
  async (app: HandBackApp, photos: readonly HandedBack[]): Promise<void> => {
    const errors = new Map(photos.map(({ uuid, error }) => [uuid, error]))
    const handedBack = await record(app, async (tx, emit) => {
      const pending = await requestPending(tx, [...errors.keys()])
      return pending.flatMap(({ uuid, attempts, traceparent }) => {
        const error = errors.get(uuid)
        if (!error) return []
        const detail = `${error.code}: ${error.message}`
        const attempt = attempts > 0 ? { attempt: attempts } : {}
        const delayMs = error.retryAfterMs ?? 1
        emit({ type: 'image.queued', photoUuid: uuid, ...attempt, detail, delayMs, traceparent })
        return [error]
      })
    })
    for (const { reason } of handedBack) app.metrics.handedBack.inc({ reason })
  },
  ({ db }) => db,
)

/** Those of the photos that are pending. What only a message named is requested from now on: its next message may be lost. */
async function requestPending(tx: Db, asked: readonly string[]) {
  await tx
    .updateTable('photos')
    .set(REQUESTED_ANEW)
    .where('uuid', 'in', uuids(tx, asked))
    .where('status', '=', 'pending')
    .where('queued_at', 'is', null)
    .execute()
  return tx
    .selectFrom('photos')
    .select(['uuid', 'attempts', 'traceparent'])
    .where('uuid', 'in', uuids(tx, asked))
    .where('status', '=', 'pending')
    .execute()
}
