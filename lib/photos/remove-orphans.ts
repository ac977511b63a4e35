import type { App } from '../app.ts'
import { awayCode } from '../away.ts'
import { endTurn, takeTurn } from '../db/turns.ts'
import { removeOrphan, withoutRow } from './orphans.ts'
import { isOwner, renewOwner } from './owner.ts'

/** How often the sweep looks for files without a row, in ms: with the time that they are left alone less than an hour. */
const EVERY_MS = 20 * 60_000

/** Younger files are left alone, in ms, though the row of each comes before it. */
const YOUNG_MS = 30 * 60_000

/** Files looked at together. */
const BATCH = 500

/** After so long the other parts of the sweep have their turn, in ms. */
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
  const end = performance.now() + TURN_MS
  let position: string | null = null
  let removed = 0
  for await (const { old, last } of inBatches(app, turn.position ?? undefined)) {
    // However long the list took, some go.
    const batchEnd = performance.now() + TURN_MS
    for (const key of await withoutRow(app.db, old)) {
      if (await removeOne(app, key)) removed++
      if (performance.now() < batchEnd) continue
      position = key
      break
    }
    if (performance.now() > end) position ??= last
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

/** The keys of the storage from behind `after`: those of files that are old, and the last of all. */
async function* inBatches({ storage }: Pick<App, 'storage'>, after?: string) {
  const before = Date.now() - YOUNG_MS
  let old: string[] = []
  let seen = 0
  for await (const { key, modified } of storage.list('', after)) {
    if (modified.getTime() < before) old.push(key)
    if (++seen % BATCH > 0) continue
    yield { old, last: key }
    old = []
  }
  yield { old, last: null }
}
