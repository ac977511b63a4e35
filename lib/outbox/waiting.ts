import { type RawBuilder, sql } from 'kysely'
import type { App } from '../app.ts'
import { type Db, nowPlus } from '../db/port.ts'
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
export async function publishWaiting(app: Pick<App, 'db' | 'queue'>, least: number): Promise<number> {
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

/** Takes the first messages of each lane, and returns them in turns: the first of each lane, then the second of each. */
async function takeInTurns(tx: Db, rooms: readonly { lane: string; room: number }[]): Promise<EventRow[]> {
  const share = Math.ceil(BATCH / rooms.length)
  const firsts = rooms.map(
    ({ lane, room }) => sql`select id from (select id from events where lane = ${lane}
      order by id limit ${sql.lit(Math.min(share, room))}) as firsts`,
  )
  const taken = await tx
    .updateTable('events')
    .set({ lane: null, publish_after: nowPlus(TAKEN_MS) })
    .where('id', 'in', sql`(${sql.join(firsts, sql` union all `)})` as RawBuilder<string>)
    .returning(['id', 'photo_uuid', 'type', 'at', 'data', 'traceparent'])
    .execute()
  taken.sort((a, b) => (a.id < b.id ? -1 : 1))
  const laneOf = await markReleased(
    tx,
    taken.flatMap(({ photo_uuid }) => photo_uuid ?? []),
  )
  const turns = new Map<string, number>()
  const turnOf = taken.map(({ photo_uuid }) => {
    const lane = laneOf.get(photo_uuid ?? '') ?? ''
    const turn = turns.get(lane) ?? 0
    turns.set(lane, turn + 1)
    return turn
  })
  return taken
    .map((row, index) => ({ row: { ...row, due: true }, turn: turnOf[index] ?? 0 }))
    .sort((a, b) => a.turn - b.turn)
    .map(({ row }) => row)
}
