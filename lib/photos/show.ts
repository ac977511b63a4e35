import type { Db } from '../db/port.ts'
import type { RenditionRow } from '../renditions/row.ts'
import { errorOf, metadataOf, type PhotoRow, retryOf } from './row.ts'

export type TimelineEvent = {
  id: string
  type: string
  at: string
  attempt: number | null
  detail: string | null
}

/** Everything that happened to a photo, oldest first. */
export const findTimeline = (db: Db, uuid: string): Promise<TimelineEvent[]> =>
  db
    .selectFrom('events')
    .select(['id', 'type', 'at', 'attempt', 'detail'])
    .where('photo_uuid', '=', uuid)
    .orderBy('seq')
    .orderBy('id')
    .execute()

/** A photo as every door's reader may see it. */
export function showPhoto(photo: PhotoRow, renditions: readonly RenditionRow[]) {
  const { uuid, url, status, door, project_id, name, nickname, attempts, created_at, updated_at } = photo
  return {
    uuid,
    url,
    status,
    created_at,
    updated_at,
    door,
    project_id,
    name,
    ...(nickname !== null && { nickname }),
    attempts,
    metadata: metadataOf(photo),
    error: errorOf(photo),
    retry: retryOf(photo),
    thumbnails: renditions.map((row) => ({
      uuid: row.uuid,
      name: row.name,
      width: row.width,
      height: row.height,
      url: row.url,
      created_at: row.created_at,
    })),
  }
}
