import { uuidv7 } from 'uuidv7'
import type { App } from '../app.ts'
import { isPostgres } from '../db/port.ts'
import { inTransaction } from '../outbox/record.ts'
import { type Filters, selectPhotos } from './list.ts'
import { requestProcessing } from './request.ts'

/** Photos queued in one transaction. */
const BATCH = 250

/** After so long the other parts of the sweep have their turn, in ms. */
const TURN_MS = 1_000

type ReprocessApp = Pick<App, 'access' | 'db' | 'queue' | 'contents' | 'trace'>

/**
 * Requests the processing of all photos that fit the filters now, but those being processed or not yet uploaded; returns
 * how many. The request is a row: its first batch is queued here, the sweep queues what is left of it, whatever dies meanwhile.
 */
export async function reprocessPhotos(app: ReprocessApp, filters: Filters): Promise<number> {
  const all = upTo(new Date(), filters)
  const { count } = await selectPhotos(app.db, all)
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('status', 'in', ['pending', 'completed', 'failed'])
    .executeTakeFirstOrThrow()
  if (count === 0) return 0
  const id = uuidv7()
  await app.db
    .insertInto('reprocessings')
    .values({ id, filters: JSON.stringify(all), traceparent: app.trace ?? null })
    .execute()
  await queueBatch(app, id)
  return count
}

/** Queues batches of the oldest request of which something is left, for a second; returns how many photos it looked at. */
export async function continueReprocessing(app: ReprocessApp): Promise<number> {
  const end = performance.now() + TURN_MS
  let done = 0
  for (;;) {
    const found = await queueBatch(app)
    done += found
    if (found === 0 || performance.now() > end) return done
  }
}

/** The photos, the messages and how far it has come are one transaction: a batch that is repeated finds nothing done. */
function queueBatch(app: ReprocessApp, id?: string): Promise<number> {
  return inTransaction(app, async (inner) => {
    const { db } = inner
    const request = await db
      .selectFrom('reprocessings')
      .selectAll()
      .$if(id !== undefined, (query) => query.where('id', '=', id ?? ''))
      .orderBy('id')
      .limit(1)
      .$if(isPostgres(db), (query) => query.forUpdate().skipLocked())
      .executeTakeFirst()
    if (!request) return 0
    const { filters, last_created_at, last_uuid, traceparent } = request
    // Whatever their status: an index gives them in this order, and those that cannot be queued are refused one by one.
    const photos = await selectPhotos(db, JSON.parse(filters) as Filters)
      .select(['created_at', 'uuid'])
      .$if(last_uuid !== null, (query) =>
        query.where(({ eb, refTuple, tuple }) =>
          eb(refTuple('created_at', 'uuid'), '>', tuple(last_created_at ?? '', last_uuid ?? '')),
        ),
      )
      .orderBy('created_at')
      .orderBy('uuid')
      .limit(BATCH)
      .execute()
    const uuids = photos.map(({ uuid }) => uuid)
    const trace = traceparent ?? undefined
    if (uuids.length > 0) await requestProcessing({ ...inner, trace }, uuids, true)
    const last = photos.at(-1)
    if (last && photos.length === BATCH)
      await db
        .updateTable('reprocessings')
        .set({ last_created_at: last.created_at, last_uuid: last.uuid })
        .where('id', '=', request.id)
        .execute()
    else await db.deleteFrom('reprocessings').where('id', '=', request.id).execute()
    return photos.length
  })
}

/** The filters without what is created later. */
function upTo(time: Date, filters: Filters): Filters {
  const { created_before = time.toISOString() } = filters
  return {
    ...filters,
    created_before: Date.parse(created_before) < time.getTime() ? created_before : time.toISOString(),
  }
}
