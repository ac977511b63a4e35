import type { App } from '../app.ts'
import { grouped } from '../db/grouped.ts'
import { type Db, isPostgres, PREPARED, uuids } from '../db/port.ts'
import type { AppError } from '../errors.ts'
import { record } from '../outbox/record.ts'

/** The URLs of those of these photos that are pending: what a worker looks at before it claims one. */
export const findPending = grouped(async (db: Db, asked: readonly string[]): Promise<Map<string, string>> => {
  const rows = await db
    .selectFrom('photos')
    .select(['uuid', 'url'])
    .where('uuid', 'in', uuids(db, asked))
    .where('status', '=', 'pending')
    .$if(isPostgres(db), (query) => query.modifyEnd(PREPARED))
    .execute()
  return new Map(rows.map(({ uuid, url }) => [uuid, url]))
})

type HandBackApp = Pick<App, 'access' | 'db' | 'queue' | 'trace'>
type HandedBack = { uuid: string; error: AppError }

/** Queues photos that nobody has claimed again, each as late as its error says. */
export const handBack = grouped(
  (app: HandBackApp, photos: readonly HandedBack[]): Promise<void> =>
    record(app, async (tx, emit) => {
      const errors = new Map(photos.map(({ uuid, error }) => [uuid, error]))
      const rows = await tx
        .selectFrom('photos')
        .select(['uuid', 'attempts', 'traceparent'])
        .where('uuid', 'in', uuids(tx, [...errors.keys()]))
        .where('status', '=', 'pending')
        .execute()
      for (const { uuid, attempts, traceparent } of rows) {
        const error = errors.get(uuid)
        if (!error) continue
        const detail = `${error.code}: ${error.message}`
        const attempt = attempts > 0 ? { attempt: attempts } : {}
        emit({
          type: 'image.queued',
          photoUuid: uuid,
          ...attempt,
          detail,
          delayMs: error.retryAfterMs ?? 1,
          traceparent,
        })
      }
    }),
  ({ db }) => db,
)
