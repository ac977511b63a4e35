import { grouped } from '../db/grouped.ts'
import { type Db, nowPlus, uuids } from '../db/port.ts'

/** Marks events as published, together with those of other photos. */
export const markPublished = grouped(async (db: Db, ids: readonly string[]) => {
  await db.updateTable('events').set({ published_at: nowPlus() }).where('id', 'in', uuids(db, ids)).execute()
})
