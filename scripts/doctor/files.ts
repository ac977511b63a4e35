import { inBatches, removeOrphan, withoutRow } from '../../lib/photos/orphans.ts'
import { areForeign, isOwner } from '../../lib/photos/owner.ts'
import { findDead } from '../../lib/photos/unfinished.ts'
import { ROOTS } from '../../lib/storage/port.ts'
import { type DoctorApp, type Finding, YOUNG_MS } from './finding.ts'

const WITHOUT_ROW = 'files without a row'

/** Files that no row names; `isSure`: they are removed even where many files are such. */
export async function* checkFiles(app: DoctorApp, isSure: boolean): AsyncGenerator<Finding> {
  const roots = await Promise.all(ROOTS.map((root) => lookBelow(app, root)))
  const isUnlikely =
    !isSure && areForeign(roots.map(({ files, without }) => ({ files, orphans: without.length })))
  const mayRemove = !isUnlikely && (await isOwner(app))
  if (isUnlikely)
    console.error('Many files have no row: is this their database? --repair removes them with --sure only.')
  for (const key of roots.flatMap(({ without }) => without))
    yield { kind: WITHOUT_ROW, name: key, ...(mayRemove && { mend: () => removeOrphan(app, key) }) }
  for await (const { key = 'a part of a file', modified, remove } of findDead(app, true))
    yield { kind: 'writes that did not end', name: `${key}, ${modified.toISOString()}`, mend: remove }
}

/** How many files below a root are not young, and those of them that have no row. */
async function lookBelow({ db, storage }: DoctorApp, root: string) {
  const without: string[] = []
  let files = 0
  for await (const { old } of inBatches(storage, YOUNG_MS, `${root}/`)) {
    files += old.length
    without.push(...(await withoutRow(db, old)))
  }
  return { files, without }
}
