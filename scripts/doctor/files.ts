import { removeOrphan, withoutRow } from '../../lib/photos/orphans.ts'
import { isOwner } from '../../lib/photos/owner.ts'
import { findDead } from '../../lib/photos/unfinished.ts'
import { BATCH, type DoctorApp, type Finding, YOUNG_MS } from './finding.ts'

/** With more files than that without a row, and less than half of all with one, the database is hardly theirs. */
const SUSPICIOUS = 20

const WITHOUT_ROW = 'files without a row'

/** Files that no row names; `isSure`: they are removed even where most of all files are such. */
export async function* checkFiles(app: DoctorApp, isSure: boolean): AsyncGenerator<Finding> {
  const orphans: string[] = []
  let known = 0
  for await (const keys of inBatches(app)) {
    const without = await withoutRow(app.db, keys)
    orphans.push(...without)
    known += keys.length - without.length
  }
  const isUnlikely = orphans.length > SUSPICIOUS && orphans.length > known && !isSure
  const mayRemove = !isUnlikely && (await isOwner(app))
  if (isUnlikely)
    console.error('Most files have no row: is this their database? --repair removes them with --sure only.')
  for (const key of orphans)
    yield { kind: WITHOUT_ROW, name: key, ...(mayRemove && { mend: () => removeOrphan(app, key) }) }
  for await (const { key = 'a part of a file', modified, remove } of findDead(app, true))
    yield { kind: 'writes that did not end', name: `${key}, ${modified.toISOString()}`, mend: remove }
}

async function* inBatches({ storage }: DoctorApp): AsyncGenerator<string[]> {
  let keys: string[] = []
  for (const root of ['originals/', 'thumbs/'])
    for await (const { key, modified } of storage.list(root)) {
      if (modified.getTime() > Date.now() - YOUNG_MS) continue
      keys.push(key)
      if (keys.length < BATCH) continue
      yield keys
      keys = []
    }
  yield keys
}
