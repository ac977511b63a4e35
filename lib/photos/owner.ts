import { randomUUID } from 'node:crypto'
import type { App } from '../app.ts'
import { ROOTS } from '../storage/port.ts'
import { withoutRow } from './orphans.ts'

/** Files that are looked at of each root of a storage that has no owner yet. */
const SAMPLE = 500

/** So many files without a row any storage may have, or below each root such a share of all. */
const FEW = 20
const SMALL_SHARE = 0.04

type OwnerApp = Pick<App, 'db' | 'storage'>

/**
 * Whether the files of the storage belong to the database: both hold the same id, or neither holds one yet and the files have
 * rows. Else it is a wrong database, an old copy, or the place of a volume that is not mounted.
 */
export async function isOwner(app: OwnerApp): Promise<boolean> {
  const { id, next } = await readOwner(app)
  const owners = await app.storage.owners()
  if (!owners.every((owner) => owner === (id ?? undefined) || (owner !== undefined && owner === next)))
    return false
  return id !== null || (await hasRows(app))
}

/** Gives database and storage a new id that both hold. A process that dies in between leaves one that counts, too. */
export async function renewOwner(app: OwnerApp): Promise<void> {
  const next = (await readOwner(app)).next ?? randomUUID()
  await app.db.updateTable('storage_owner').set({ next }).execute()
  await app.storage.setOwner(next)
  await app.db.updateTable('storage_owner').set({ id: next, next: null }).where('next', '=', next).execute()
}

const readOwner = ({ db }: OwnerApp) =>
  db.selectFrom('storage_owner').select(['id', 'next']).executeTakeFirstOrThrow()

/** How many files below a root were looked at, and how many of them have no row. */
type Count = { files: number; orphans: number }

/** Whether so many files have no row that the database is hardly theirs. The files of one root do not speak for another. */
export function areForeign(roots: readonly Count[]): boolean {
  const orphans = roots.reduce((sum, root) => sum + root.orphans, 0)
  return orphans > FEW && roots.some((root) => root.orphans > root.files * SMALL_SHARE)
}

/** Whether the first files below each root have rows, but for a few. */
async function hasRows({ db, storage }: OwnerApp): Promise<boolean> {
  const counts: Count[] = []
  for (const root of ROOTS) {
    const keys: string[] = []
    for await (const { key } of storage.list(`${root}/`)) {
      keys.push(key)
      if (keys.length === SAMPLE) break
    }
    counts.push({ files: keys.length, orphans: (await withoutRow(db, keys)).length })
  }
  return !areForeign(counts)
}
