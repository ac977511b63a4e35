import { grouped } from '../db/grouped.ts'
import { type Db, isPostgres, nowPlus, PREPARED, uuids } from '../db/port.ts'

/** Marks events as published, together with those of other photos. */
export const markPublished: (db: Db, ids: readonly string[]) => Promise<void> = grouped(
  async (db: Db, ids: readonly string[]) => {
    await db
      .updateTable('events')
      .set({ published_at: nowPlus() })
      .where('id', 'in', uuids(db, ids))
      .$if(isPostgres(db), (query) => query.modifyEnd(PREPARED))
      .execute()
  },
)
