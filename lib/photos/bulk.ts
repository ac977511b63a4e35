import { sql } from 'kysely'
import { uuidv7 } from 'uuidv7'
import type { Projects } from '../access/caller.ts'
import type { App } from '../app.ts'
import { type Db, isPostgres } from '../db/port.ts'
import { AppError } from '../errors.ts'
import { inTransaction } from '../outbox/record.ts'
import type { PhotoStatus } from '../photo-status.ts'
import { MOST, UNCONFIRMED } from './bulk-limits.ts'
import { countUpTo } from './counts.ts'
import { type Filters, selectPhotos, within } from './list.ts'

/** Photos that one transaction takes. */
const BATCH = 250

/** Requests that are continued in turns. */
const REQUESTS = 100

/** After so long the other parts of the sweep have their turn, in ms. */
const TURN_MS = 1_000

export type BulkApp = Pick<App, 'access' | 'config' | 'db' | 'queue' | 'contents' | 'log' | 'trace'>

/** What is done to many photos: in the transaction that `app` is; returns to how many, and what follows the commit. */
export type Bulk = {
  /** Where its requests are kept until they are done. */
  table: 'reprocessings' | 'deletions'
  /** Statuses of the photos that it is done to; others are left out. */
  statuses: readonly PhotoStatus[]
  act(app: BulkApp, uuids: readonly string[]): Promise<{ count: number; after?: () => void }>
}

/** Which photos, whether they are only counted, and how many they may be. */
export type BulkRequest = { filter: Filters; dry_run?: boolean; at_most?: number }

/**
 * Does something to all photos of some projects that fit a filter now; returns how many. The request is a row: its first batch is
 * done here, the sweep does what is left of it, whatever dies meanwhile. However the photos change until then, no more are taken than
 * were allowed. Throws `at-most-required` and `too-many`, and does nothing then.
 */
export async function requestBulk(
  app: BulkApp,
  bulk: Bulk,
  { filter, dry_run = false, at_most }: BulkRequest,
  projects: Projects,
): Promise<number> {
  const filters = upTo(new Date(), { ...filter, ...within(projects) })
  const isConfirmed = dry_run || at_most !== undefined
  if (!isConfirmed && Object.keys(filter).length === 0) throw unconfirmed('The filter is empty')
  const most = at_most ?? (dry_run ? MOST : UNCONFIRMED)
  const count = await countUpTo(app.db, filters, bulk.statuses, most + 1)
  if (count > most && !isConfirmed) throw unconfirmed(`More than ${UNCONFIRMED} photos fit the filter`)
  if (count > most) throw new AppError('too-many', `More than ${most} photos fit the filter`)
  if (dry_run || count === 0) return count
  const id = uuidv7()
  await app.db
    .insertInto(bulk.table)
    .values({ id, filters: JSON.stringify(filters), traceparent: app.trace ?? null, remaining: most })
    .execute()
  // The request is kept: whoever sent it should not send it again because its first batch failed.
  if (app.db.isTransaction) await doBatch(app, bulk, id)
  else
    await doBatch(app, bulk, id).catch((err: Error) => app.log.warn({ err }, 'a batch is left to the sweep'))
  return count
}

const unconfirmed = (why: string) =>
  new AppError('at-most-required', `${why}: send "at_most", how many they may be; "dry_run" counts them`)

/**
 * Does batches of the requests of which something is left, in turns, for a second; returns how many photos it looked at. One that is
 * long, or fails again and again, keeps no other waiting: any of them is the first. Throws what failed where nothing else was done.
 */
export async function continueBulk(app: BulkApp, bulk: Bulk): Promise<number> {
  const end = performance.now() + TURN_MS
  const requests = await app.db
    .selectFrom(bulk.table as 'reprocessings')
    .select('id')
    .orderBy(sql`random()`)
    .limit(REQUESTS)
    .execute()
  const left = requests.map(({ id }) => id)
  let done = 0
  let failure: unknown
  for (let id = left.shift(); id !== undefined && performance.now() < end; id = left.shift())
    try {
      const found = await doBatch(app, bulk, id)
      if (found > 0) left.push(id)
      done += found
    } catch (err) {
      failure = err
      app.log.warn({ err, request: id }, 'a batch failed')
    }
  if (failure !== undefined && done === 0) throw failure
  return done
}

/** The photos, the messages and how far it has come are one transaction: a batch that is repeated finds nothing done. */
async function doBatch(app: BulkApp, { table, act }: Bulk, id: string): Promise<number> {
  const { found, after } = await inTransaction(app, async (inner) => {
    const { db } = inner
    const request = await db
      .selectFrom(table as 'reprocessings')
      .selectAll()
      .where('id', '=', id)
      .$if(isPostgres(db), (query) => query.forUpdate().skipLocked())
      .executeTakeFirst()
    if (!request) return { found: 0 }
    const { traceparent } = request
    const remaining = request.remaining ?? MOST
    const size = Math.min(BATCH, remaining)
    const photos = await findNext(db, request, size)
    const uuids = photos.map(({ uuid }) => uuid)
    const trace = traceparent === null ? {} : { trace: traceparent }
    const done = uuids.length > 0 ? await act({ ...inner, ...trace }, uuids) : { count: 0 }
    const last = photos.at(-1)
    const left = remaining - done.count
    if (last && photos.length === size && left > 0)
      await db
        .updateTable(table as 'reprocessings')
        .set({ last_created_at: last.created_at, last_uuid: last.uuid, remaining: left })
        .where('id', '=', request.id)
        .execute()
    else
      await db
        .deleteFrom(table as 'reprocessings')
        .where('id', '=', request.id)
        .execute()
    return { found: photos.length, after: done.after }
  })
  after?.()
  return found
}

type Progress = { filters: string; last_created_at: string | null; last_uuid: string | null }

/** Whatever their status: an index gives them in this order, and those to which it cannot be done are left out one by one. */
const findNext = (db: Db, { filters, last_created_at, last_uuid }: Progress, limit: number) =>
  selectPhotos(db, JSON.parse(filters) as Filters)
    .select(['created_at', 'uuid'])
    .$if(last_uuid !== null, (query) =>
      query.where(({ eb, refTuple, tuple }) =>
        eb(refTuple('created_at', 'uuid'), '>', tuple(last_created_at ?? '', last_uuid ?? '')),
      ),
    )
    .orderBy('created_at')
    .orderBy('uuid')
    .limit(limit)
    .execute()

/** The filters without what is created later. */
function upTo(time: Date, filters: Filters): Filters {
  const { created_before = time.toISOString() } = filters
  return {
    ...filters,
    created_before: Date.parse(created_before) < time.getTime() ? created_before : time.toISOString(),
  }
}
