import { type RawBuilder, sql } from 'kysely'
import type { App } from '../app.ts'
import { type Db, isPostgres, nowPlus, PREPARED, uuids } from '../db/port.ts'
import { parseUuid } from '../uuid.ts'
import { type CloudEvent, signEvent, toCloudEvent } from './event.ts'

/** What a client subscribes to: everything, a project, or one photo; of it only what is in `projects`, where they are given. */
export type Subscription = (
  | { kind: 'all' }
  | { kind: 'project'; id: number }
  | { kind: 'photo'; uuid: string }
) & { projects?: readonly number[] }

/** What was missed: what came after an event, of which the id is known, or in the last so many ms. */
export type Since = string | { ageMs: number }

/** The events that subscribers get; literals, as in the indexes that serve this. */
const IS_LIVE = sql<boolean>`type in ('image.processing', 'image.retrying', 'image.uploaded', 'image.failed', 'image.deleted')`

/** How far before the cursor a replay starts, in ms. */
const OVERLAP_MS = 10_000

/** How far clocks of two processes may differ, in ms: the id of an event that is gone says only its writer's time. */
const SKEW_MS = 60_000

/** How old a cursor may be, in ms: beyond that a client is better off reading the state anew. */
const MAX_AGE_MS = 24 * 3_600_000

const BATCH = 500

/** Whether what happened since a cursor is still replayed. Undefined where it is no id of an event. */
export function isReplayable(cursor: string, now = Date.now()): boolean | undefined {
  const time = timeOf(cursor)
  return time === undefined ? undefined : time >= now - MAX_AGE_MS
}

/**
 * Events of a subscription, in order, in batches: what was recorded since 10 s before the cursor, and what was recorded earlier
 * but published since then, or not yet. A subscriber hears of an event when it is published, which is after its commit: so this
 * misses nothing, however long a transaction was open or a broker away, by the clock of the database alone.
 */
export async function* missedEvents(
  { db, access }: Pick<App, 'access' | 'db'>,
  subscription: Subscription,
  since: Since,
): AsyncGenerator<CloudEvent[]> {
  const cursor = await findCursor(db, since)
  let from = await findFirst(db, cursor)
  let isFirst = true
  for (;;) {
    const rows = await db
      .selectFrom('events')
      .select(['seq', 'id', 'photo_uuid', 'type', 'at', 'data', 'traceparent'])
      .where(isFirst ? sql<boolean>`(seq, id) >= ${place(from)}` : sql<boolean>`(seq, id) > ${place(from)}`)
      .where(IS_LIVE)
      .where(({ eb, or }) =>
        or([
          eb('at', '>=', cursor.time),
          eb('published_at', '>=', cursor.time),
          eb('published_at', 'is', null),
        ]),
      )
      .$if(subscription.kind === 'project', (query) =>
        query.where('project_id', '=', subscription.kind === 'project' ? subscription.id : 0),
      )
      .$if(subscription.kind === 'photo', (query) =>
        query.where('photo_uuid', '=', subscription.kind === 'photo' ? subscription.uuid : ''),
      )
      .$if(subscription.projects !== undefined, (query) =>
        query.where('project_id', 'in', subscription.projects ?? []),
      )
      .orderBy('seq')
      .orderBy('id')
      .limit(BATCH)
      .execute()
    const last = rows.at(-1)
    if (!last) return
    const sign = await access.links.signer()
    yield rows.map((row) => signEvent(toCloudEvent(row), sign))
    from = last
    isFirst = false
  }
}

/** Events by their ids, as they are stored; without those that are none of subscribers. */
export async function findEvents(db: Db, ids: readonly string[]): Promise<Map<string, CloudEvent>> {
  const rows = await db
    .selectFrom('events')
    .select(['id', 'photo_uuid', 'type', 'at', 'data', 'traceparent'])
    .where('id', 'in', uuids(db, ids))
    .where(IS_LIVE)
    .$if(isPostgres(db), (query) => query.modifyEnd(PREPARED))
    .execute()
  return new Map(rows.map((row) => [row.id, toCloudEvent(row)]))
}

/** Those of some photos that were deleted, as far back as events are kept. */
export async function findDeleted(db: Db, photos: readonly string[]): Promise<ReadonlySet<string | null>> {
  if (photos.length === 0) return new Set()
  const rows = await db
    .selectFrom('events')
    .select('photo_uuid')
    .where('photo_uuid', 'in', uuids(db, photos))
    .where('type', '=', 'image.deleted')
    .execute()
  return new Set(rows.map(({ photo_uuid }) => photo_uuid))
}

/** The id of the last event that subscribers get: a cursor for what happens from now on. */
export async function findLastEvent(db: Db): Promise<string | undefined> {
  const last = db
    .selectFrom('events')
    .select('id')
    .where(IS_LIVE)
    .orderBy('seq', 'desc')
    .orderBy('id', 'desc')
    .limit(1)
  return (await last.executeTakeFirst())?.id
}

/** A place in the order of events. */
type Place = { seq: number; id: string }

const BEGINNING: Place = { seq: 0, id: '00000000-0000-0000-0000-000000000000' }

const place = ({ seq, id }: Place): RawBuilder<unknown> => sql`(${seq}, ${id})`

/** Where a replay starts: the time, and the place of the event where that is known. */
type Cursor = { time: string; place?: Place }

async function findCursor(db: Db, since: Since): Promise<Cursor> {
  if (typeof since !== 'string') {
    const { rows } = await sql<{
      time: string
    }>`select ${nowPlus(-since.ageMs - OVERLAP_MS)} as time`.execute(db)
    return { time: rows[0]?.time ?? '' }
  }
  const event = await db
    .selectFrom('events')
    .select(['seq', 'id', 'at'])
    .where('id', '=', since)
    .executeTakeFirst()
  if (event) return { time: before(Date.parse(event.at), OVERLAP_MS), place: event }
  return { time: before(timeOf(since) ?? Date.now(), OVERLAP_MS + SKEW_MS) }
}

const before = (time: number, ms: number): string => new Date(Math.max(0, time - ms)).toISOString()

/**
 * A place at or before the first event of a replay. The order goes with the time, so the last event from before that time is
 * found by walking back from the cursor; indexes of their own have the few that were published late, or are not yet.
 */
async function findFirst(db: Db, { time, place: known }: Cursor): Promise<Place> {
  const isLate = isPostgres(db)
    ? sql`published_at - at > interval '10 seconds'`
    : sql`julianday(published_at) - julianday(at) > 10.0 / 86400`
  const upToCursor = known ? sql`and (seq, id) <= ${place(known)}` : sql``
  // Materialized: else PostgreSQL looks for the first of them by reading all events in their order.
  const { rows } = await sql<Place>`
    with late as materialized (
      select seq, id from events where ${isLate} and ${IS_LIVE} and published_at >= ${time}
    ), unpublished as materialized (
      select seq, id from events
      where published_at is null and publish_after is not null and lane is null and ${IS_LIVE}
    )
    select * from (
      select seq, id from events where ${IS_LIVE} and at < ${time} ${upToCursor} order by seq desc, id desc limit 1
    ) as earlier
    union all select * from (select seq, id from late order by seq, id limit 1) as first_late
    union all select * from (select seq, id from unpublished order by seq, id limit 1) as first_unpublished`.execute(
    db,
  )
  const [first = BEGINNING] = rows.sort((a, b) => a.seq - b.seq || (a.id < b.id ? -1 : 1))
  return first
}

/** The time in the first 48 bits of a UUIDv7, in ms. */
function timeOf(cursor: string): number | undefined {
  const id = parseUuid(cursor)
  return id?.[14] === '7' ? Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16) : undefined
}
