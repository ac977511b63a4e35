import { sql } from 'kysely'
import type { App } from '../app.ts'
import { isPostgres, nowPlus } from '../db/port.ts'
import { planRemoval } from './removals.ts'

/** Photos taken in one transaction. */
const BATCH = 200

/**
 * Plans the removal of the originals of photos that failed more than `failedKeepMs` ago; their rows stay, and say why. Returns
 * how many.
 */
export function removeFailedOriginals({ config, db }: Pick<App, 'config' | 'db'>): Promise<number> {
  return db.transaction().execute(async (tx) => {
    const old = tx
      .selectFrom('photos')
      .select('uuid')
      .where('status', '=', sql.lit('failed'))
      .where('source_removed_at', 'is', null)
      // As the index has it.
      .where(sql<boolean>`substr(url, 1, 10) = 'originals/'`)
      .where('updated_at', '<', nowPlus(-config.failedKeepMs))
      .limit(BATCH)
      .$if(isPostgres(tx), (query) => query.forUpdate().skipLocked())
    const taken = await tx
      .updateTable('photos')
      .set({ source_removed_at: nowPlus() })
      .where('uuid', 'in', old)
      .returning(['uuid', 'url'])
      .execute()
    for (const { uuid, url } of taken) await planRemoval(tx, uuid, [url])
    return taken.length
  })
}
