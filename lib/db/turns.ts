import { type Db, nowPlus } from './port.ts'

/** Parts of the sweep that run seldom. */
type Turn = 'events' | 'unfinished' | 'orphans' | 'dead'

/**
 * Takes the turn of a part of the sweep, for `ms`: however many processes sweep, one does it. Returns how far the last came;
 * undefined where it is not time yet.
 */
export async function takeTurn(
  db: Db,
  name: Turn,
  ms: number,
): Promise<{ position: string | null } | undefined> {
  return db
    .updateTable('turns')
    .set({ due: nowPlus(ms) })
    .where('name', '=', name)
    .where('due', '<=', nowPlus())
    .returning('position')
    .executeTakeFirst()
}

/** Notes how far a turn came, and that the next comes after `ms`. */
export async function endTurn(db: Db, name: Turn, position: string | null, ms: number): Promise<void> {
  await db
    .updateTable('turns')
    .set({ due: nowPlus(ms), position })
    .where('name', '=', name)
    .execute()
}
