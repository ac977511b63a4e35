import type { Selectable } from 'kysely'
import { type Db, uuids } from '../db/port.ts'
import type { PhotosTable, ThumbnailsTable } from '../db/tables.ts'
import { AppError, notFound } from '../errors.ts'
import { formats, OUTPUT_FORMATS } from '../imaging/formats.ts'
import type { Metadata } from '../imaging/metadata.ts'
import type { SourceInfo } from '../imaging/probe.ts'
import { type Recipe, type RenditionSpec, THUMBNAIL_RECIPE } from '../imaging/recipe.ts'
import type { EventData } from '../outbox/event.ts'
import { isOriginal } from '../storage/port.ts'
import { parseUuid } from '../uuid.ts'

export type PhotoRow = Selectable<PhotosTable>
export type ThumbnailRow = Selectable<ThumbnailsTable>

/** The photo of that id; throws `not-found`, also for an id that is no uuid. */
export async function findPhoto(db: Db, id: string): Promise<PhotoRow> {
  const photo = await findPhotoOrNone(db, id)
  if (!photo) throw notFound('Photo')
  return photo
}

/** The photo of that id, for doors that call it something else when there is none. */
export async function findPhotoOrNone(db: Db, id: string): Promise<PhotoRow | undefined> {
  const uuid = parseUuid(id)
  if (!uuid) return undefined
  return db.selectFrom('photos').selectAll().where('uuid', '=', uuid).executeTakeFirst()
}

/** The renditions of some photos, by name. */
export const findThumbnails = (db: Db, photos: readonly string[]): Promise<ThumbnailRow[]> =>
  db
    .selectFrom('photo_thumbnails')
    .selectAll()
    .where('photo_uuid', 'in', uuids(db, photos))
    .orderBy('name')
    .execute()

/** The same by photo. */
export async function findThumbnailsByPhoto(
  db: Db,
  photos: readonly PhotoRow[],
): Promise<(photo: PhotoRow) => ThumbnailRow[]> {
  const rows = await findThumbnails(
    db,
    photos.map(({ uuid }) => uuid),
  )
  const byPhoto = Map.groupBy(rows, ({ photo_uuid }) => photo_uuid)
  return ({ uuid }) => byPhoto.get(uuid) ?? []
}

/** What is to be made of a photo; a row inserted by hand has none of its own and gets a thumbnail. Throws `invalid-recipe`. */
export function recipeOf(photo: Pick<PhotoRow, 'recipe'>): Recipe {
  if (photo.recipe === null) return THUMBNAIL_RECIPE
  const recipe = JSON.parse(photo.recipe) as Recipe | null
  const renditions = Array.isArray(recipe?.renditions) ? recipe.renditions : []
  const fit = renditions.every(({ name, format }) => /^\w+$/.test(name) && OUTPUT_FORMATS.includes(format))
  if (renditions.length === 0 || !fit)
    throw new AppError('invalid-recipe', 422, 'The stored recipe cannot be read')
  return { renditions }
}

/** What is known of a photo's source since it was rendered; photos made by earlier versions lack the later fields. */
export function metadataOf({ metadata }: Pick<PhotoRow, 'metadata'>): Metadata | null {
  if (metadata === null) return null
  return { exif: null, thumbhash: null, ...(JSON.parse(metadata) as SourceInfo & Partial<Metadata>) }
}

/** Where the renditions of a photo lie or would lie; none for a recipe that cannot be read. */
export function plannedPaths(photo: Pick<PhotoRow, 'recipe' | 'uuid'>): string[] {
  try {
    return recipeOf(photo).renditions.map(({ name, format }) => renditionPath(photo.uuid, name, format))
  } catch {
    return []
  }
}

const PRIMARY = ['thumbnail', 'thumb', 'result']

/** What a door shows as the image: `thumbnail`, else `thumb`, else `result`. */
export const primaryOf = <T extends { name: string }>(thumbnails: readonly T[]): T | undefined =>
  PRIMARY.flatMap((primary) => thumbnails.find(({ name }) => name === primary) ?? [])[0]

/**
 * Path of a rendition below the thumbnail root, computed so that a second run overwrites the first:
 * `<xx>/<uuid>.jpg` for the primary rendition, `<xx>/<uuid>-<name>.jpg` for the others; `<xx>` are the uuid's last two
 * digits, since the first of a UUIDv7 are the same for years.
 */
export function renditionPath(uuid: string, name: string, format: RenditionSpec['format']): string {
  const suffix = PRIMARY.includes(name) ? '' : `-${name}`
  return `${uuid.slice(-2)}/${uuid}${suffix}.${formats[format].endings[0]}`
}

/** Whether a photo's source is fetched from elsewhere, and not from our own storage. */
export const isRemote = (url: string) => /^https?:/i.test(url)

/** What an event says of a photo; `publicUrl` is the base of the URLs in it. */
export function eventData(
  photo: PhotoRow,
  thumbnails: readonly ThumbnailRow[],
  publicUrl: string,
): EventData {
  return {
    photo_uuid: photo.uuid,
    project_id: photo.project_id,
    status: photo.status,
    state: stateOf(photo),
    versions: versionsOf(photo, thumbnails, publicUrl),
    thumbnails: thumbnails.map(({ uuid, name, width, height, url }) => ({ uuid, name, width, height, url })),
    error: errorOf(photo),
  }
}

export const errorOf = ({ error_code, error }: Pick<PhotoRow, 'error_code' | 'error'>) =>
  error_code === null ? null : { code: error_code, message: error ?? '' }

/** URLs of what there is to see of a photo: `original`, where we keep it, and its renditions by name. */
export function versionsOf(
  { url, status }: Pick<PhotoRow, 'url' | 'status'>,
  thumbnails: readonly ThumbnailRow[],
  publicUrl: string,
): Record<string, string> {
  const renditions = thumbnails.map((rendition) => [rendition.name, `${publicUrl}/files/${rendition.url}`])
  const original = isOriginal(url) && status !== 'init' ? [['original', `${publicUrl}/files/${url}`]] : []
  return Object.fromEntries([...original, ...renditions])
}

/** The status in the words of the projects door. */
export const stateOf = ({ status }: Pick<PhotoRow, 'status'>) => PROJECT_STATES[status]

const PROJECT_STATES = {
  init: 'init',
  pending: 'uploaded',
  processing: 'processing',
  completed: 'done',
  failed: 'error',
} as const
