import { type RawBuilder, sql } from 'kysely'
import type { EventData } from '../outbox/event.ts'
import type { RenditionRow } from '../renditions/row.ts'
import { MOST_KEY_LENGTH, ORIGINAL } from '../storage/port.ts'
import { stateOf, versionsOf } from './project-image.ts'
import { errorOf, labelsOf, type PhotoRow, retryOf } from './row.ts'

/** What an event says of a photo; `publicUrl` is the base of the URLs in it. */
export function eventData(
  photo: PhotoRow,
  renditions: readonly Pick<RenditionRow, 'uuid' | 'name' | 'width' | 'height' | 'url'>[],
  publicUrl: string,
): EventData {
  return {
    photo_uuid: photo.uuid,
    project_id: photo.project_id,
    status: photo.status,
    state: stateOf(photo),
    versions: versionsOf(photo, renditions, (path) => `${publicUrl}/files/${path}`),
    thumbnails: renditions.map(({ uuid, name, width, height, url }) => ({ uuid, name, width, height, url })),
    error: errorOf(photo),
    reference: photo.reference,
    labels: labelsOf(photo),
  }
}

/** The same of a photo whose attempt failed, while another will follow: why, and when. */
export const retryingData = (photo: PhotoRow, publicUrl: string): EventData => ({
  ...eventData(photo, [], publicUrl),
  ...retryOf(photo),
})

/** The same, without renditions, of a row that PostgreSQL is just changing to `processing` and nobody has seen before. */
export const claimedData = (publicUrl: string): RawBuilder<unknown> => sql`jsonb_build_object(
  'photo_uuid', uuid,
  'project_id', project_id,
  'status', status,
  'state', ${stateOf({ status: 'processing' })}::text,
  'versions', case when length(url) <= ${MOST_KEY_LENGTH} and url ~ ${ORIGINAL} and source_removed_at is null
    then jsonb_build_object('original', ${publicUrl}::text || '/files/' || url) else '{}' end,
  'thumbnails', '[]'::jsonb,
  'error', null,
  'reference', reference,
  'labels', coalesce(labels, '{}'))`

/**
 * `data`, with the renditions that a statement on PostgreSQL is just storing in its part `stored`, and what a client may have changed
 * since the claim.
 */
export const withStored = (data: EventData): RawBuilder<unknown> => sql`${JSON.stringify(data)}::jsonb
  || jsonb_build_object('thumbnails', (select jsonb_agg(jsonb_build_object(
    'uuid', uuid, 'name', name, 'width', width, 'height', height, 'url', url) order by name) from stored),
    'reference', reference, 'labels', coalesce(labels, '{}'))`
