import { sql } from 'kysely'
import type { App } from '../app.ts'
import { type Db, uuids } from '../db/port.ts'
import { endTurn, takeTurn } from '../db/turns.ts'
import { idBefore } from '../uuid.ts'

/** Events looked at by one statement: some 20 ms, so that nothing waits long for a row or for SQLite's lock. */
const BATCH = 1_000

/** After so long the other parts of the sweep have their turn, in ms. */
const TURN_MS = 1_000

/** Between two looks when all old events have been looked at, in ms. */
const PAUSE_MS = 60_000

/**
 * Deletes the events, dead letters included, that are older than `eventsKeepMs`; returns how many. What a photo that still exists
 * has had since its last attempt began stays, and so does what is not published. They go in the order of the primary key, which
 * is that of time, each looked at once: what stays is not looked at again.
 */
export async function deleteOldEvents({ config, db }: Pick<App, 'config' | 'db'>): Promise<number> {
  const turn = await takeTurn(db, 'events', PAUSE_MS)
  if (!turn) return 0
  const end = performance.now() + TURN_MS
  const before = idBefore(Date.now() - config.eventsKeepMs)
  let { position } = turn
  let deleted = 0
  for (;;) {
    const old = await db
      .selectFrom('events')
      .select('id')
      .where('id', '<', before)
      .$if(position !== null, (query) => query.where('id', '>', position ?? ''))
      .orderBy('id')
      .limit(BATCH)
      .execute()
    deleted += await deleteUnneeded(
      db,
      old.map(({ id }) => id),
    )
    position = old.at(-1)?.id ?? position
    const isDone = old.length < BATCH
    if (!isDone && performance.now() < end) continue
    await endTurn(db, 'events', position, isDone ? PAUSE_MS : 0)
    return deleted
  }
}

async function deleteUnneeded(db: Db, ids: readonly string[]): Promise<number> {
  if (ids.length === 0) return 0
  const { numDeletedRows } = await db
    .deleteFrom('events')
    .where('id', 'in', uuids(db, ids))
    .where(({ eb }) => eb.or([eb('publish_after', 'is', null), eb('published_at', 'is not', null)]))
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('photos')
            .select(sql`1`.as('one'))
            .whereRef('photos.uuid', '=', 'events.photo_uuid')
            .where(
              not(
                exists(
                  selectFrom('events as later')
                    .select(sql`1`.as('one'))
                    .whereRef('later.photo_uuid', '=', 'events.photo_uuid')
                    .whereRef('later.id', '>', 'events.id')
                    .where('later.type', '=', 'image.processing'),
                ),
              ),
            ),
        ),
      ),
    )
    .executeTakeFirstOrThrow()
  return Number(numDeletedRows)
}
