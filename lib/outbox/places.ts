import { type Db, isPostgres, nowPlus, uuids } from '../db/port.ts'
import { LANE, readLanes, tryLockLanes } from './lanes.ts'

/** Where the messages of queued photos wait: the lane of each by photo; a photo that is not in it is published at once. */
export type Held = { lanes: ReadonlyMap<string, string>; isContended: boolean }

/**
 * Decides which of the photos that a transaction has queued wait for their turn, the last ones first: those beyond the window of
 * their lane, or all where others wait already. Where another transaction fills a lane at this moment, all wait too;
 * `isContended` says so, since there may be room.
 */
export async function holdBack(tx: Db, photos: readonly string[], window: number): Promise<Held> {
  const known = await tx
    .selectFrom('photos')
    .select(['uuid', LANE.as('lane')])
    .where('uuid', 'in', uuids(tx, photos))
    .execute()
  const laneOf = new Map(known.map(({ uuid, lane }) => [uuid, lane]))
  const byLane = Map.groupBy(
    photos.filter((uuid) => laneOf.has(uuid)),
    (uuid) => laneOf.get(uuid) as string,
  )
  const isContended = !(await tryLockLanes(tx, [...byLane.keys()]))
  const held = new Map<string, string>()
  for (const state of await readLanes(tx, [...byLane.keys()], window + photos.length)) {
    const own = byLane.get(state.lane) ?? []
    const most = isContended || state.isWaiting ? 0 : own.length - Math.max(0, state.published - window)
    for (const uuid of own.slice(Math.max(0, most))) held.set(uuid, state.lane)
  }
  return { lanes: held, isContended }
}

/** Marks photos whose messages wait: they hold no place in the window. */
export async function markHeld(tx: Db, photos: readonly string[]): Promise<void> {
  if (photos.length > 0)
    await tx
      .updateTable('photos')
      .set({ held_at: nowPlus(), missing_at: null })
      .where('uuid', 'in', uuids(tx, photos))
      .execute()
}

/** Marks photos whose messages are about to be published, but for those that another transaction holds; returns which. */
export async function markReleased(tx: Db, photos: readonly string[]): Promise<Set<string>> {
  const locked = tx
    .selectFrom('photos')
    .select('uuid')
    .where('uuid', 'in', uuids(tx, photos))
    .$if(isPostgres(tx), (query) => query.forUpdate().skipLocked())
  const released = await tx
    .updateTable('photos')
    .set({ held_at: null, published_at: nowPlus() })
    .where('uuid', 'in', locked)
    .returning('uuid')
    .execute()
  return new Set(released.map(({ uuid }) => uuid))
}
