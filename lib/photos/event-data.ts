import type { EventData } from '../outbox/event.ts'
import type { RenditionRow } from '../renditions/row.ts'
import { stateOf, versionsOf } from './project-image.ts'
import { errorOf, type PhotoRow } from './row.ts'

/** What an event says of a photo; `publicUrl` is the base of the URLs in it. */
export function eventData(
  photo: PhotoRow,
  renditions: readonly RenditionRow[],
  publicUrl: string,
): EventData {
  return {
    photo_uuid: photo.uuid,
    project_id: photo.project_id,
    status: photo.status,
    state: stateOf(photo),
    versions: versionsOf(photo, renditions, publicUrl),
    thumbnails: renditions.map(({ uuid, name, width, height, url }) => ({ uuid, name, width, height, url })),
    error: errorOf(photo),
  }
}
