import { type Db, isPostgres, nowPlus, PREPARED, uuids } from '../db/port.ts'

/** Marks that wait for the statement that runs, by database. */
const groups = new WeakMap<Db, { ids: string[]; done: Promise<void> }>()
const running = new WeakMap<Db, Promise<void>>()

/**
 * Marks events as published. What comes while such a statement runs goes together into the next one: under
 * load this is one statement for many photos, and alone nothing waits.
 */
export function markPublished(db: Db, ids: readonly string[]): Promise<void> {
  const waiting = groups.get(db)
  if (waiting) {
    waiting.ids.push(...ids)
    return waiting.done
  }
  const group = { ids: [...ids], done: Promise.resolve() }
  const before = running.get(db) ?? Promise.resolve()
  group.done = before
    .catch(() => {})
    .then(() => {
      groups.delete(db)
      const statement = mark(db, group.ids)
      running.set(db, statement)
      return statement
    })
  groups.set(db, group)
  return group.done
}

const mark = async (db: Db, ids: readonly string[]) => {
  await db
    .updateTable('events')
    .set({ published_at: nowPlus() })
    .where('id', 'in', uuids(db, ids))
    .$if(isPostgres(db), (query) => query.modifyEnd(PREPARED))
    .execute()
}
