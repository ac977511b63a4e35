import { sql } from 'kysely'
import type { App } from '../app.ts'
import { type Db, nowPlus, uuids } from '../db/port.ts'
import type { EventRow } from './event.ts'
import { findRoom, lockLanes } from './lanes.ts'
import { markReleased } from './places.ts'
import { publishEvents } from './publish.ts'

/** Messages that one turn takes from all lanes together. */
const BATCH = 500

/** While one process publishes what it took, the relay leaves it alone, in ms. */
const TAKEN_MS = 5_000

/**
 * Publishes messages that wait for their turn, of each lane that has room for at least so many, and of many lanes a few each.
 * Returns how many were confirmed. Exact however many processes do it at once: a lane is locked from the count to the commit.
 */
export async function publishWaiting(
  app: Pick<App, 'access' | 'db' | 'queue'>,
  least: number,
): Promise<number> {
  const { window } = app.queue
  const found = await findRoom(app.db, window, least)
  if (found.length === 0) return 0
  const lanes = found.map(({ lane }) => lane)
  const taken = await app.db.transaction().execute(async (tx) => {
    await lockLanes(tx, lanes)
    const rooms = (await findRoom(tx, window, least)).filter(({ lane }) => lanes.includes(lane))
    return rooms.length > 0 ? takeInTurns(tx, rooms) : []
  })
  return publishEvents(app, taken)
}

/**
 * Takes the first messages of each lane, and returns them in turns: the first of each lane, then the second of each. Rows of
 * photos come before those of their events, as when a photo is removed: otherwise the two could wait for each other.
 */
async function takeInTurns(tx: Db, rooms: readonly { lane: string; room: number }[]): Promise<EventRow[]> {
  const waiting = await findFirsts(tx, rooms)
  const released = await markReleased(
    tx,
    waiting.flatMap(({ photo_uuid }) => photo_uuid ?? []),
  )
  // What another transaction holds waits for the next turn; what has no photo any more shall not stay.
  const ids = waiting
    .filter(({ photo_uuid, is_known }) => !is_known || released.has(photo_uuid ?? ''))
    .map(({ id }) => id)
  const taken = await tx
    .updateTable('events')
    .set({ lane: null, publish_after: nowPlus(TAKEN_MS) })
    .where('id', 'in', uuids(tx, ids))
    .returning(['id', 'photo_uuid', 'type', 'at', 'data', 'traceparent'])
    .execute()
  const rows = new Map(taken.map((row) => [row.id, { ...row, due: true }]))
  return ids.flatMap((id) => rows.get(id) ?? [])
}

type Waiting = { id: string; photo_uuid: string | null; is_known: boolean | number; turn: number }

/** The first messages of each lane, in turns, no more than a lane has room for. */
async function findFirsts(tx: Db, rooms: readonly { lane: string; room: number }[]): Promise<Waiting[]> {
  const share = Math.ceil(BATCH / rooms.length)
  const firsts = rooms.map(
    ({ lane, room }) => sql`select id, photo_uuid, row_number() over (order by seq, id) as turn,
      exists (select 1 from photos where uuid = photo_uuid) as is_known
      from (
        select seq, id, photo_uuid from events where lane = ${lane} order by seq, id limit ${sql.lit(Math.min(share, room))}
      ) as firsts`,
  )
  const { rows } = await sql<Waiting>`${sql.join(firsts, sql` union all `)}`.execute(tx)
  return rows.sort((a, b) => a.turn - b.turn)
}
