import { type Selectable, sql } from 'kysely'
import { type Caller, mayDo, maySee, type Projects } from '../access/caller.ts'
import { type Db, nowPlus } from '../db/port.ts'
import type { PhotosTable } from '../db/tables/photos.ts'
import { AppError, notFound } from '../errors.ts'
import { OUTPUT_FORMATS } from '../imaging/formats.ts'
import type { Metadata } from '../imaging/metadata.ts'
import type { SourceInfo } from '../imaging/probe.ts'
import { type Recipe, THUMBNAIL_RECIPE } from '../imaging/recipe.ts'
import type { Retry } from '../outbox/event.ts'
import { parseUuid } from '../uuid.ts'
import type { Labels } from './labels.ts'

export type PhotoRow = Selectable<PhotosTable>

/** All columns of a photo, by name: what a prepared statement returns must not change when a later version adds one. */
export const PHOTO_COLUMNS = Object.keys({
  uuid: true,
  url: true,
  status: true,
  created_at: true,
  updated_at: true,
  door: true,
  project_id: true,
  name: true,
  recipe: true,
  url_hash: true,
  queued_at: true,
  requested_at: true,
  attempts: true,
  lease_until: true,
  lease_token: true,
  error_code: true,
  error: true,
  metadata: true,
  source_etag: true,
  source_bytes: true,
  nickname: true,
  check_after: true,
  traceparent: true,
  held_at: true,
  render_began_at: true,
  given_back: true,
  retry_at: true,
  retry: true,
  source_removed_at: true,
  published_at: true,
  missing_at: true,
  key_id: true,
  reference: true,
  labels: true,
} satisfies Record<keyof PhotosTable, true>) as (keyof PhotosTable)[]

/** The photo of that id among those of some projects; throws `not-found`, also for an id that is no uuid. */
export async function findPhoto(db: Db, id: string, projects: Projects = '*'): Promise<PhotoRow> {
  const photo = await findPhotoOrNone(db, id, projects)
  if (!photo) throw notFound('Photo')
  return photo
}

/** The photo of that id, for doors that call it something else when there is none. */
export async function findPhotoOrNone(
  db: Db,
  id: string,
  projects: Projects = '*',
): Promise<PhotoRow | undefined> {
  const uuid = parseUuid(id)
  if (!uuid) return undefined
  const photo = await db.selectFrom('photos').selectAll().where('uuid', '=', uuid).executeTakeFirst()
  return photo && maySee(projects, photo.project_id) ? photo : undefined
}

/** Whether a photo is one of some projects; of all it need not be looked up. */
export const isVisible = async (db: Db, id: string, projects: Projects): Promise<boolean> =>
  projects === '*' || (await findPhotoOrNone(db, id, projects)) !== undefined

/** The URL of a photo's source: its query, which may be a secret, is for the key that added it, and for `admin`. */
export function sourceUrlFor(caller: Caller, { url, key_id }: Pick<PhotoRow, 'url' | 'key_id'>): string {
  const isOwn = mayDo(caller, 'admin') || (key_id !== null && key_id === caller.keyId)
  return isOwn || !/^https?:/i.test(url) ? url : url.replace(/[?#].*$/s, '')
}

/** When the processing that a worker had begun was requested; workers of earlier versions left `queued_at` as it was. */
export const REQUESTED_AT = sql<string>`coalesce(requested_at, queued_at, ${nowPlus()})`

/** What a request makes of a photo, whatever it was before: it waits for its first attempt, and knows of no earlier one. */
export const REQUESTED_ANEW = {
  status: 'pending',
  queued_at: nowPlus(),
  requested_at: null,
  held_at: null,
  attempts: 0,
  given_back: 0,
  retry_at: null,
  retry: null,
  lease_until: null,
  lease_token: null,
  error_code: null,
  error: null,
  updated_at: nowPlus(),
} as const

/** What a rendition may be called; `original` is the version that is not rendered. */
const NAME = /^(?!original$)\w+$/

/**
 * What is to be made of a photo: a thumbnail of a row inserted by hand, which has no recipe before its first claim.
 * Throws `invalid-recipe`, also for two names that differ only in case: some file systems would keep one file for them.
 */
export function recipeOf(photo: Pick<PhotoRow, 'recipe'>): Recipe {
  if (photo.recipe === null) return THUMBNAIL_RECIPE
  const recipe = JSON.parse(photo.recipe) as Recipe | null
  const renditions = Array.isArray(recipe?.renditions) ? recipe.renditions : []
  const isFit = renditions.every(
    ({ name, format, operations }) =>
      NAME.test(name) && OUTPUT_FORMATS.includes(format) && Array.isArray(operations),
  )
  const names = new Set(renditions.map(({ name }) => String(name).toLowerCase()))
  if (renditions.length === 0 || !isFit || names.size < renditions.length)
    throw new AppError('invalid-recipe', 'The stored recipe cannot be read')
  return { renditions }
}

/** What is known of a photo's source since it was rendered; photos made by earlier versions lack the later fields. */
export function metadataOf({ metadata }: Pick<PhotoRow, 'metadata'>): Metadata | null {
  if (metadata === null) return null
  return { exif: null, thumbhash: null, ...(JSON.parse(metadata) as SourceInfo & Partial<Metadata>) }
}

/** The client's own keys and values of a photo. */
export const labelsOf = ({ labels }: Pick<PhotoRow, 'labels'>): Labels =>
  labels === null ? {} : (JSON.parse(labels) as Labels)

/** Why a photo failed; null where it has not, also where somebody has set its status since. */
export const errorOf = ({ status, error_code, error }: Pick<PhotoRow, 'status' | 'error_code' | 'error'>) =>
  error_code === null || status !== 'failed' ? null : { code: error_code, message: error ?? '' }
/** Why a pending photo waits for another attempt, and how long; null where it does not. */
export const retryOf = ({ status, retry, retry_at }: Pick<PhotoRow, 'status' | 'retry' | 'retry_at'>) =>
  status === 'pending' && retry !== null && retry_at !== null
    ? ({ ...JSON.parse(retry), next_attempt_at: retry_at } as Retry)
    : null

/** What is set of a photo whose attempt failed, where another may begin after `delayMs`. */
export const retryIn = (delayMs: number, retry: Omit<Retry, 'next_attempt_at'>) => ({
  retry_at: nowPlus(delayMs),
  retry: JSON.stringify(retry),
})
