import type { App } from '../app.ts'
import { nowPlus } from '../db/port.ts'
import { endTurn, takeTurn } from '../db/turns.ts'
import { photoOf, type Unfinished } from '../storage/port.ts'

/** How often the sweep looks for what is unfinished, in ms. */
const EVERY_MS = 10 * 60_000

/** A write that brought no byte for so long has no process any more, in ms: the slowest upload brings some each second. */
const DEAD_MS = 30 * 60_000

type UnfinishedApp = Pick<App, 'db' | 'storage'>

/** Removes what the writes of dead processes have left in the storage; returns how many. */
export async function removeUnfinished(app: UnfinishedApp): Promise<number> {
  const turn = await takeTurn(app.db, 'unfinished', EVERY_MS)
  if (!turn) return 0
  let removed = 0
  for await (const one of findDead(app)) {
    await one.remove()
    removed++
  }
  await endTurn(app.db, 'unfinished', null, EVERY_MS)
  return removed
}

/** What the writes of dead processes have left; `everywhere` as in `Storage.unfinished`. */
export async function* findDead(
  { db, storage }: UnfinishedApp,
  everywhere = false,
): AsyncGenerator<Unfinished> {
  for await (const one of storage.unfinished(everywhere)) {
    if (one.modified.getTime() > Date.now() - DEAD_MS) continue
    // Where only the begin is known, the row says whether the upload goes on.
    const uuid = one.key === undefined ? undefined : photoOf(one.key)
    const waiting =
      uuid === undefined
        ? undefined
        : await db
            .selectFrom('photos')
            .select('uuid')
            .where('uuid', '=', uuid)
            .where('status', '=', 'init')
            .where('check_after', '>', nowPlus())
            .executeTakeFirst()
    if (!waiting) yield one
  }
}
