import type { Selectable } from 'kysely'
import { type Db, uuids } from '../db/port.ts'
import type { RenditionsTable } from '../db/tables/photos.ts'

export type RenditionRow = Selectable<RenditionsTable>

/** The renditions of some photos, by name. */
export const findRenditions = (db: Db, photos: readonly string[]): Promise<RenditionRow[]> =>
  db
    .selectFrom('photo_thumbnails')
    .selectAll()
    .where('photo_uuid', 'in', uuids(db, photos))
    .orderBy('name')
    .execute()

/** The renditions of some photos: returns those of one of them. */
export async function findRenditionsByPhoto(
  db: Db,
  photos: readonly { uuid: string }[],
): Promise<(photo: { uuid: string }) => RenditionRow[]> {
  const rows = await findRenditions(
    db,
    photos.map(({ uuid }) => uuid),
  )
  const byPhoto = Map.groupBy(rows, ({ photo_uuid }) => photo_uuid)
  return ({ uuid }) => byPhoto.get(uuid) ?? []
}
