import { uuids } from '../../lib/db/port.ts'
import { removeLeft } from '../../lib/photos/removals.ts'
import { findDead } from '../../lib/photos/unfinished.ts'
import { photoOf } from '../../lib/storage/port.ts'
import { BATCH, type DoctorApp, type Finding, YOUNG_MS } from './finding.ts'

/** With more files than that without a row, and less than half of all with one, the database is hardly theirs. */
const SUSPICIOUS = 20

const WITHOUT_ROW = 'files without a row'

/** Files that no row names; `isSure`: they are removed even where most of all files are such. */
export async function* checkFiles(app: DoctorApp, isSure: boolean): AsyncGenerator<Finding> {
  const orphans: string[] = []
  let known = 0
  for await (const keys of inBatches(app)) {
    const without = await withoutRow(app, keys)
    orphans.push(...without)
    known += keys.length - without.length
  }
  const isSuspicious = orphans.length > SUSPICIOUS && orphans.length > known && !isSure
  if (isSuspicious)
    console.error('Most files have no row: is this their database? --repair removes them with --sure only.')
  for (const key of orphans)
    yield { kind: WITHOUT_ROW, name: key, ...(!isSuspicious && { mend: () => removeFile(app, key) }) }
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

/** Those that are named neither by a photo, a rendition nor a removal; a photo that is worked on may be about to name them. */
async function withoutRow({ db }: DoctorApp, keys: readonly string[]): Promise<string[]> {
  const photos = [...new Set(keys.flatMap((key) => photoOf(key) ?? []))]
  const rows = await db
    .selectFrom('photos')
    .select(['uuid', 'url', 'status'])
    .where('uuid', 'in', uuids(db, photos))
    .execute()
  const renditions = await db
    .selectFrom('photo_thumbnails')
    .select('url')
    .where('photo_uuid', 'in', uuids(db, photos))
    .execute()
  const planned = await db
    .selectFrom('removals')
    .select('keys')
    .where('photo_uuid', 'in', uuids(db, photos))
    .execute()
  const busy = new Set(
    rows.flatMap(({ uuid, status }) => (status === 'pending' || status === 'processing' ? uuid : [])),
  )
  const named = new Set([
    ...rows.map(({ url }) => url),
    ...renditions.map(({ url }) => `thumbs/${url}`),
    ...planned.flatMap((removal) => JSON.parse(removal.keys) as string[]),
  ])
  // Other names are those of rows inserted by hand: no index has them.
  for (const key of keys.filter((key) => !named.has(key) && photoOf(key) === undefined))
    if (await isNamedByHand(db, key)) named.add(key)
  return keys.filter((key) => !named.has(key) && !busy.has(photoOf(key) ?? ''))
}

async function isNamedByHand(db: DoctorApp['db'], key: string): Promise<boolean> {
  const found = key.startsWith('thumbs/')
    ? db.selectFrom('photo_thumbnails').select('uuid').where('url', '=', key.slice('thumbs/'.length))
    : db.selectFrom('photos').select('uuid').where('url', '=', key)
  return (await found.executeTakeFirst()) !== undefined
}

/** Not through the rows of a completed photo, which has no claim to the file. */
async function removeFile(app: DoctorApp, key: string): Promise<void> {
  const uuid = photoOf(key)
  if (uuid === undefined || !(await removeLeft(app, uuid, [key]))) await app.storage.remove(key)
}
