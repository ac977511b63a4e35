import { sql } from 'kysely'
import type { App } from '../app.ts'
import type { Config } from '../config/index.ts'
import { type Db, isPostgres, nowPlus, uuids } from '../db/port.ts'
import { GRACE_MS } from '../outbox/insert.ts'
import { PUBLISHED } from '../outbox/lanes.ts'
import { record } from '../outbox/record.ts'

/** Photos queued again in one go. */
const BATCH = 500

/** Photos that one sweep finds missing. */
const MOST_MISSING = 10_000

/** Longest time between two sweeps that follow each other: in ms, where functions run one a minute, and in intervals. */
const SWEEPS_APART_MS = 180_000
const INTERVALS_APART = 3

type LostApp = Pick<App, 'access' | 'config' | 'db' | 'queue' | 'log' | 'trace'>

/**
 * Queues photos again whose messages the broker lost, or that nobody published. The queue lacks as many as it holds fewer
 * messages than were published before it was counted and no worker has at hand; it hands them out in order, so those are the
 * ones published first. A photo that is missing in two sweeps is lost: in between, a worker has claimed what it had got, or
 * says that it has it at hand. Never makes the queue longer than the number of photos that wait. Returns how many.
 */
export async function requeueLost(app: LostApp): Promise<number> {
  const { db } = app
  const { missing } = await findMissing(app)
  const lost = missing.filter(({ known, fresh }) => known && !fresh).map(({ uuid }) => uuid)
  await markMissing(
    db,
    missing.filter(({ known }) => !known).map(({ uuid }) => uuid),
  )
  return lost.length > 0 ? requeue(app, lost.slice(0, BATCH)) : 0
}

type Missing = { uuid: string; known: boolean | number | null; fresh: boolean | number | null }

/** The photos that the queue lacks now, and of how many it should hold a message; none where it cannot be asked. */
export async function findMissing({
  config,
  db,
  queue,
}: Pick<App, 'config' | 'db' | 'queue'>): Promise<{ expected: number; missing: Missing[] }> {
  const { rows } = await sql<{ at: string }>`select ${nowPlus()} as at`.execute(db)
  const at = rows[0]?.at as string
  const depth = await queue.depth()
  if (depth === undefined) return { expected: 0, missing: [] }
  const { count: expected } = await selectExpected(db, at)
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  if (expected <= depth) return { expected, missing: [] }
  // Several relays sweep at different times: marks of half an interval ago, and no younger ones, are another sweep's.
  const missing = await selectExpected(db, at)
    .select([
      'uuid',
      wasMissing(Math.max(SWEEPS_APART_MS, INTERVALS_APART * config.sweepIntervalMs)).as('known'),
      wasMissing(betweenSweeps(config)).as('fresh'),
    ])
    .orderBy(publishedAt(db))
    .orderBy('uuid')
    .limit(Math.min(expected - depth, MOST_MISSING))
    .execute()
  return { expected, missing }
}

/** The least time between two sweeps of which the second finds lost what the first found missing, in ms. */
export const betweenSweeps = ({ sweepIntervalMs }: Pick<Config, 'sweepIntervalMs'>): number =>
  sweepIntervalMs / 2

/** Photos of which the queue should have held a message at that time. */
const selectExpected = (db: Db, at: string) =>
  db
    .selectFrom('photos')
    .where(PUBLISHED)
    .where(publishedAt(db), '<', at)
    .where(({ eb }) => eb.or([eb('lease_until', 'is', null), eb('lease_until', '<', nowPlus())]))
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('events')
            .select(sql`1`.as('one'))
            .whereRef('events.photo_uuid', '=', 'photos.uuid')
            .where(sql<boolean>`events.type = 'image.queued' and events.published_at is null`)
            .where('events.publish_after', '<=', nowPlus(GRACE_MS)),
        ),
      ),
    )

/** When the message of a photo was published, or was to be. */
const publishedAt = (db: Db) =>
  isPostgres(db)
    ? sql<string>`greatest(queued_at, photos.published_at)`
    : sql<string>`max(queued_at, coalesce(photos.published_at, queued_at))`

/** Whether a photo was found missing within the last so many ms. */
const wasMissing = (ms: number) => sql<boolean | number | null>`missing_at >= ${nowPlus(-ms)}`

async function markMissing(db: Db, missing: readonly string[]): Promise<void> {
  if (missing.length > 0)
    await db
      .updateTable('photos')
      .set({ missing_at: nowPlus() })
      .where('uuid', 'in', uuids(db, missing))
      .where(PUBLISHED)
      .execute()
}

/** Queues those of the photos again that are still missing, and that no other relay queues at this moment. */
async function requeue(app: LostApp, lost: readonly string[]): Promise<number> {
  const count = await record(app, async (tx, emit) => {
    const locked = tx
      .selectFrom('photos')
      .select('uuid')
      .where('uuid', 'in', uuids(tx, lost))
      .where(PUBLISHED)
      .where('missing_at', 'is not', null)
      .$if(isPostgres(tx), (query) => query.forUpdate().skipLocked())
    const photos = await tx
      .updateTable('photos')
      .set({ published_at: nowPlus(), missing_at: null })
      .where('uuid', 'in', locked)
      .returning(['uuid', 'traceparent'])
      .execute()
    const traces = new Map(photos.map(({ uuid, traceparent }) => [uuid, traceparent]))
    for (const photoUuid of lost.filter((uuid) => traces.has(uuid)))
      emit({
        type: 'image.queued',
        photoUuid,
        detail: 'The broker lost the message',
        traceparent: traces.get(photoUuid) ?? null,
      })
    return photos.length
  })
  if (count > 0) app.log.warn({ photos: count }, 'queued again: the queue had lost their messages')
  return count
}
