import { createHash } from 'node:crypto'
import { uuidv7 } from 'uuidv7'
import { NO_OWNER, type Owner } from '../access/caller.ts'
import type { App } from '../app.ts'
import { chunks, type Db } from '../db/port.ts'
import type { Door } from '../db/tables/photos.ts'
import { type Recipe, THUMBNAIL_RECIPE } from '../imaging/recipe.ts'
import type { NewEvent } from '../outbox/event.ts'
import { record } from '../outbox/record.ts'
import { type Labels, toColumn } from './labels.ts'
import type { PhotoRow } from './row.ts'

export type NewPhoto = {
  uuid?: string
  url: string
  door: Door
  name?: string | undefined
  reference?: string | undefined
  labels?: Labels | undefined
  /** The caller's; the program's own has none. */
  owner?: Owner
  /** Without one, the thumbnail recipe of today is stored. */
  recipe?: Recipe
  /** Whether it is queued at once. */
  queued?: boolean
}

/**
 * Inserts pending photos, which wait until they are queued, unless they are `queued` now; returns them in order. Throws
 * `quota-exceeded`, and inserts none, where a project may not have all of them.
 */
export const addPhotos = (
  app: Pick<App, 'access' | 'db' | 'queue' | 'trace'>,
  photos: readonly NewPhoto[],
): Promise<PhotoRow[]> => record(app, (tx, emit) => insertPhotos(app, tx, emit, photos))

/** The same as a part of a larger `record`. */
export async function insertPhotos(
  { access, trace }: Pick<App, 'access' | 'trace'>,
  tx: Db,
  emit: (event: NewEvent) => void,
  photos: readonly NewPhoto[],
): Promise<PhotoRow[]> {
  const projects = Map.groupBy(photos, ({ owner = NO_OWNER }) => owner.projectId)
  for (const [project, added] of projects) await access.quotas.takePhotos(tx, project, added.length)
  const now = new Date().toISOString()
  const rows = photos.map(
    ({
      uuid,
      url,
      door,
      name,
      reference,
      labels = {},
      owner = NO_OWNER,
      recipe = THUMBNAIL_RECIPE,
      queued,
    }) => ({
      uuid: uuid ?? uuidv7(),
      url,
      door,
      name: name ?? null,
      reference: reference ?? null,
      labels: toColumn(labels),
      project_id: owner.projectId,
      key_id: owner.keyId,
      recipe: JSON.stringify(recipe),
      queued_at: queued ? now : null,
      url_hash: URL.canParse(url) ? urlHash(url) : null,
      traceparent: trace ?? null,
      created_at: now,
      updated_at: now,
    }),
  )
  const added: PhotoRow[] = []
  for (const part of chunks(rows))
    added.push(...(await tx.insertInto('photos').values(part).returningAll().execute()))
  for (const { uuid, queued_at } of added) {
    emit({ type: 'image.created', photoUuid: uuid })
    if (queued_at) emit({ type: 'image.queued', photoUuid: uuid })
  }
  return added
}

/** What is the same for the same source: SHA-256, in hex, of the WHATWG-normalised URL without its fragment. */
export function urlHash(text: string): string {
  const url = new URL(text)
  url.hash = ''
  return createHash('sha256').update(url.href).digest('hex')
}
