import { randomUUID } from 'node:crypto'
import type { App } from '../app.ts'
import { withoutRow } from './orphans.ts'

/** Files that are looked at of a storage that has no owner yet. */
const SAMPLE = 500

/** With more of them without a row, the database is hardly theirs. */
const SUSPICIOUS = 20

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

/** Whether the first files of the storage have rows, but for a few. */
async function hasRows({ db, storage }: OwnerApp): Promise<boolean> {
  const keys: string[] = []
  for await (const { key } of storage.list('')) {
    keys.push(key)
    if (keys.length === SAMPLE) break
  }
  return (await withoutRow(db, keys)).length <= SUSPICIOUS
}
