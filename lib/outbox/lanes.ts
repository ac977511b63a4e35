import { type RawBuilder, sql } from 'kysely'
import { type Db, isPostgres } from '../db/port.ts'

/** The lane of a photo: its project, or else its door. Written as the index `photos_lane` has it. */
export const LANE = sql<string>`coalesce(cast(project_id as text), door)`

/** Photos whose messages are published and that nobody has claimed, as the index `photos_lane` has them. */
export const PUBLISHED = sql<boolean>`status = 'pending' and queued_at is not null and held_at is null`

/** Class of the locks below, which keeps them apart from other advisory locks of the database. */
const LOCK_CLASS = 7_203_118

/** Lanes that go on in one turn. */
const LANES = 100

/** Messages of a lane that the broker may hold: of photos that are queued, published and not claimed; counts up to `most`. */
const published = (lane: RawBuilder<string>, most: number) =>
  sql<number>`(select count(*) from (select 1 from photos where ${LANE} = ${lane} and ${PUBLISHED} limit ${sql.lit(most)}) as published)`

const OWN = sql<string>`own.lane`

// Not `exists`: of a lane with many rows PostgreSQL expects to find one soon without an index, and then there is none.
const isWaiting = (lane: RawBuilder<string>) =>
  sql<boolean>`(select min(events.lane) from events where events.lane >= ${lane}) = ${lane}`

/** The lane of a photo where its message has to wait for its turn, else null. The photo counts itself, for it is queued. */
export const laneToWaitIn = (uuid: string, window: number): RawBuilder<string | null> =>
  sql`(select case when ${isWaiting(OWN)} or ${published(OWN, window + 1)} > ${sql.lit(window)} then own.lane end
    from (select ${LANE} as lane from photos where uuid = ${uuid}) as own)`

/** How many messages of each lane are published, counted up to `most`, and whether others wait. */
export async function readLanes(
  db: Db,
  lanes: readonly string[],
  most: number,
): Promise<{ lane: string; published: number; isWaiting: boolean }[]> {
  const { rows } = await sql<{ lane: string; published: number; waiting: boolean | number }>`
    select lane, ${published(OWN, most)} as published, ${isWaiting(OWN)} as waiting
    from ${list(db, lanes)} as own`.execute(db)
  return rows.map(({ waiting, ...row }) => ({ ...row, isWaiting: Boolean(waiting) }))
}

/**
 * The lanes that have messages waiting, and room for at least so many: those with the most room first. Jumps from lane to
 * lane through the index, however many messages wait in each.
 */
export async function findRoom(
  db: Db,
  window: number,
  least: number,
): Promise<{ lane: string; room: number }[]> {
  const { rows } = await sql<{ lane: string; room: number }>`
    with recursive waiting (lane) as (
      select min(lane) from events where lane is not null
      union all
      select (select min(lane) from events where lane > waiting.lane)
      from waiting where lane is not null
    ), rooms as materialized (
      select lane, ${sql.lit(window)} - ${published(sql`waiting.lane`, window)} as room
      from waiting where lane is not null
    )
    select lane, room from rooms where room >= ${sql.lit(least)}
    order by room desc, lane limit ${sql.lit(LANES)}`.execute(db)
  return rows
}

/** Waits until no other transaction fills these lanes, and keeps others from it until the end of this one. */
export async function lockLanes(tx: Db, lanes: readonly string[]): Promise<void> {
  if (!isPostgres(tx)) return
  await sql`select pg_advisory_xact_lock(${sql.lit(LOCK_CLASS)}, key)
    from (select distinct hashtext(lane) as key from ${list(tx, lanes)} as own order by key) as keys`.execute(
    tx,
  )
}

/**
 * The same without waiting; false where another transaction fills one of them. For a transaction that holds rows of
 * photos, which one that holds the locks may wait for.
 */
export async function tryLockLanes(tx: Db, lanes: readonly string[]): Promise<boolean> {
  if (!isPostgres(tx)) return true
  const { rows } = await sql<{ locked: boolean }>`
    select bool_and(pg_try_advisory_xact_lock(${sql.lit(LOCK_CLASS)}, hashtext(lane))) as locked
    from ${list(tx, lanes)} as own`.execute(tx)
  return rows[0]?.locked ?? true
}

/** A table of the given lanes, with the column `lane`. */
function list(db: Db, lanes: readonly string[]): RawBuilder<unknown> {
  const json = JSON.stringify(lanes)
  return isPostgres(db)
    ? sql`(select value as lane from jsonb_array_elements_text(${json}::jsonb))`
    : sql`(select value as lane from json_each(${json}))`
}
