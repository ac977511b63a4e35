import { sql } from 'kysely'
import type { App } from '../app.ts'
import { type Db, texts, uuids } from '../db/port.ts'
import { isOriginal, photoOf, renditionKey, type Storage } from '../storage/port.ts'
import { removeUnless } from './removals.ts'

/** Files looked at together. */
const BATCH = 500

type OrphanApp = Pick<App, 'access' | 'db' | 'queue' | 'storage' | 'trace'>

/** Files looked at together: the keys of old ones, and the last of all, null at the end. `began` is when the list gave its first. */
type Batch = { old: string[]; last: string | null; began: number }

/** The files whose key begins with `prefix`, from behind `after`; those are old that have not changed for `ageMs`. */
export async function* inBatches(
  storage: Pick<Storage, 'list'>,
  ageMs: number,
  prefix = '',
  after?: string,
): AsyncGenerator<Batch> {
  const before = Date.now() - ageMs
  let began: number | undefined
  let old: string[] = []
  let seen = 0
  for await (const { key, modified } of storage.list(prefix, after)) {
    began ??= performance.now()
    if (modified.getTime() < before) old.push(key)
    if (++seen % BATCH > 0) continue
    yield { old, last: key, began }
    old = []
  }
  yield { old, last: null, began: began ?? performance.now() }
}

/** Those keys that neither a photo, a rendition nor a removal names; a photo that is worked on may be about to name them. */
export async function withoutRow(db: Db, keys: readonly string[]): Promise<string[]> {
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
    ...renditions.map(({ url }) => renditionKey(url)),
    ...planned.flatMap((removal) => JSON.parse(removal.keys) as string[]),
  ])
  const left = keys.filter((key) => !named.has(key) && !busy.has(photoOf(key) ?? ''))
  const namedByHand = await findNamedByHand(db, left)
  return left.filter((key) => !namedByHand.has(key))
}

/** Those keys that a row names: one inserted by hand may name any file, also one that is named like that of another photo. */
async function findNamedByHand(db: Db, keys: readonly string[]): Promise<Set<string>> {
  if (keys.length === 0) return new Set()
  const paths = keys.filter((key) => !isOriginal(key)).map((key) => key.slice(renditionKey('').length))
  const originals = await db
    .selectFrom('photos')
    .select('url')
    .where('url', 'in', texts(db, keys.filter(isOriginal)))
    // As the index says it.
    .where(sql<boolean>`substr(url, 1, 10) = 'originals/'`)
    .execute()
  const renditions = await db
    .selectFrom('photo_thumbnails')
    .select('url')
    .where('url', 'in', texts(db, paths))
    .execute()
  return new Set([...originals.map(({ url }) => url), ...renditions.map(({ url }) => renditionKey(url))])
}

/** Removes a file that still has no row; returns whether it had none. */
export const removeOrphan = (app: OrphanApp, key: string): Promise<boolean> =>
  removeUnless(app, photoOf(key), [key], async () => (await withoutRow(app.db, [key])).length === 0)
