import { type OnConflictBuilder, type QueryCreator, sql } from 'kysely'
import type { App } from '../app.ts'
import { nowPlus } from '../db/port.ts'
import type { Tables } from '../db/tables/index.ts'
import type { RenditionsTable } from '../db/tables/photos.ts'
import { THUMBNAIL_RECIPE } from '../imaging/recipe.ts'
import type { PhotoStatus } from '../photo-status.ts'
import { continueTrace } from '../trace.ts'
import { type PhotoRow, REQUESTED_AT } from './row.ts'

/** A photo held under a lease; every write of the attempt carries the token, and a late one changes nothing. */
export type Attempt = { photo: PhotoRow; token: string }

/** A stored rendition, before it is a row. */
export type StoredRendition = Pick<RenditionsTable, 'name' | 'format' | 'width' | 'height' | 'url' | 'bytes'>

export type AttemptApp = Pick<App, 'access' | 'config' | 'db' | 'queue' | 'metrics' | 'trace'>

/** The update that claims a pending photo; it returns no row where the photo is not pending (any more). */
export const claimPending = (
  db: QueryCreator<Tables>,
  { config, trace }: Pick<App, 'config' | 'trace'>,
  { uuid, token }: { uuid: string; token: string },
) =>
  db
    .updateTable('photos')
    .set({
      status: 'processing',
      // A pending photo that nobody has requested, or whose status somebody has set, begins anew.
      attempts: sql<number>`case when queued_at is null then 1 else attempts + 1 end`,
      given_back: sql<number>`case when queued_at is null then 0 else given_back end`,
      error_code: null,
      error: null,
      lease_until: nowPlus(config.leaseMs),
      lease_token: token,
      render_began_at: null,
      requested_at: sql<string>`coalesce(queued_at, ${nowPlus()})`,
      queued_at: null,
      retry_at: null,
      retry: null,
      missing_at: null,
      updated_at: nowPlus(),
      recipe: sql<string>`coalesce(recipe, ${JSON.stringify(THUMBNAIL_RECIPE)})`,
      traceparent: sql<string>`coalesce(traceparent, ${continueTrace(trace)})`,
    })
    .where('uuid', '=', uuid)
    .where('status', '=', 'pending')
    .returningAll()

/** An update of a photo while this attempt holds it; it returns no row afterwards. */
export const updateClaimed = (db: QueryCreator<Tables>, { photo, token }: Attempt, set: object) =>
  db
    .updateTable('photos')
    .set(set)
    .where('uuid', '=', photo.uuid)
    .where('status', '=', 'processing')
    .where('lease_token', '=', token)
    .returningAll()

/** What an attempt that ends sets. */
export const released = (status: PhotoStatus) => ({
  status,
  queued_at: status === 'pending' ? REQUESTED_AT : null,
  requested_at: null,
  lease_until: null,
  lease_token: null,
  updated_at: nowPlus(),
})

/** A rendition that is made again keeps its uuid. */
export const replaceRendition = (conflict: OnConflictBuilder<Tables, 'photo_thumbnails'>) =>
  conflict.columns(['photo_uuid', 'name']).doUpdateSet(({ ref }) => ({
    width: ref('excluded.width'),
    height: ref('excluded.height'),
    url: ref('excluded.url'),
    format: ref('excluded.format'),
    bytes: ref('excluded.bytes'),
    created_at: ref('excluded.created_at'),
  }))
