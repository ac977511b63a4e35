import type { App } from '../app.ts'
import { awayCode } from '../away.ts'
import { endTurn, takeTurn } from '../db/turns.ts'
import { inBatches, removeOrphan, withoutRow } from './orphans.ts'
import { isOwner, renewOwner } from './owner.ts'

/** How long after the end of a search for files without a row the next begins, in ms. */
const EVERY_MS = 20 * 60_000

/** Younger files are left alone, in ms, though the row of each comes before it. */
const YOUNG_MS = 30 * 60_000

/** So long after the list gave its first file the other parts of the sweep have their turn, in ms. */
const TURN_MS = 1_000

type OrphansApp = Pick<App, 'access' | 'db' | 'queue' | 'storage' | 'trace' | 'log'>

/**
 * Removes files that no row names, where storage and database belong together; returns how many. They are looked at in the order
 * of their keys, some in each turn, and once more right before they go.
 */
export async function removeOrphans(app: OrphansApp): Promise<number> {
  const turn = await takeTurn(app.db, 'orphans', EVERY_MS)
  if (!turn) return 0
  if (!(await isOwner(app))) {
    app.log.warn('the files are not those of this database, none is removed: `npm run doctor` says more')
    return 0
  }
  if (turn.position === null) await renewOwner(app)
  let position: string | null = null
  let removed = 0
  for await (const { old, last, began } of inBatches(app.storage, YOUNG_MS, '', turn.position ?? undefined)) {
    // However long the batch took to come, some go.
    const batchEnd = performance.now() + TURN_MS
    for (const key of await withoutRow(app.db, old)) {
      if (await removeOne(app, key)) removed++
      if (performance.now() < batchEnd) continue
      position = key
      break
    }
    // Each turn begins the list anew, and that of a large directory takes long until its first file.
    if (performance.now() > began + TURN_MS) position ??= last
    if (position !== null) break
  }
  await endTurn(app.db, 'orphans', position, position === null ? EVERY_MS : 0)
  if (removed > 0) app.log.info({ files: removed }, 'removed files without a row')
  return removed
}

/** False for one that does not go, unless the storage or the database is away: it holds up no other. */
async function removeOne(app: OrphansApp, key: string): Promise<boolean> {
  try {
    return await removeOrphan(app, key)
  } catch (error) {
    if (awayCode(error)) throw error
    app.log.warn({ err: error, key }, 'a file without a row could not be removed')
    return false
  }
}
