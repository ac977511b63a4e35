import { type Db, nowPlus, uuids } from '../db/port.ts'
import { grouped } from './grouped.ts'

/** Marks events as published, those of many photos in one statement. */
export const markPublished: (db: Db, ids: readonly string[]) => Promise<void> = grouped(
  async (db: Db, ids: readonly string[]) => {
    await db
      .updateTable('events')
      .set({ published_at: nowPlus() })
      .where('id', 'in', uuids(db, ids))
      .execute()
  },
)
