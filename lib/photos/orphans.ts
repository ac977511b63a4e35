import type { App } from '../app.ts'
import { type Db, uuids } from '../db/port.ts'
import { isOriginal, photoOf, renditionKey } from '../storage/port.ts'
import { removeUnless } from './removals.ts'

type OrphanApp = Pick<App, 'access' | 'db' | 'queue' | 'storage' | 'trace'>

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
  // Other names are those of rows inserted by hand: no index has them.
  for (const key of keys.filter((key) => !named.has(key) && photoOf(key) === undefined))
    if (await isNamedByHand(db, key)) named.add(key)
  return keys.filter((key) => !named.has(key) && !busy.has(photoOf(key) ?? ''))
}

async function isNamedByHand(db: Db, key: string): Promise<boolean> {
  const found = isOriginal(key)
    ? db.selectFrom('photos').select('uuid').where('url', '=', key)
    : db
        .selectFrom('photo_thumbnails')
        .select('uuid')
        .where('url', '=', key.slice(renditionKey('').length))
  return (await found.executeTakeFirst()) !== undefined
}

/** Removes a file that still has no row; returns whether it had none. */
export const removeOrphan = (app: OrphanApp, key: string): Promise<boolean> =>
  removeUnless(app, photoOf(key), [key], async () => (await withoutRow(app.db, [key])).length === 0)
