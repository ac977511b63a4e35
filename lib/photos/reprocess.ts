import type { App } from '../app.ts'
import { type Filters, selectPhotos } from './list.ts'
import { requestProcessing } from './request.ts'

/** Photos queued in one transaction. */
const BATCH = 1000

/**
 * Queues all photos that fit the filters, but those being processed or not yet uploaded; returns
 * how many. In batches, oldest first, of what was there at the start: a process that dies on the way has queued the
 * first ones, and the same request again queues none of them twice.
 */
export async function reprocessPhotos(
  app: Pick<App, 'db' | 'queue' | 'contents'>,
  filters: Filters,
): Promise<number> {
  const start = new Date().toISOString()
  let last = { created_at: '0001-01-01T00:00:00.000Z', uuid: '00000000-0000-0000-0000-000000000000' }
  let count = 0
  for (;;) {
    const batch = await selectPhotos(app.db, filters)
      .select(['created_at', 'uuid'])
      .where('status', 'in', ['pending', 'completed', 'failed'])
      .where('created_at', '<=', start)
      .where(({ eb, refTuple, tuple }) =>
        eb(refTuple('created_at', 'uuid'), '>', tuple(last.created_at, last.uuid)),
      )
      .orderBy('created_at')
      .orderBy('uuid')
      .limit(BATCH)
      .execute()
    const uuids = batch.map(({ uuid }) => uuid)
    if (uuids.length > 0) count += (await requestProcessing(app, uuids, true)).accepted.length
    if (batch.length < BATCH) return count
    last = batch.at(-1) ?? last
  }
}
