import type { Caller } from '../access/caller.ts'
import type { Sign } from '../access/links.ts'
import type { App } from '../app.ts'
import type { Db } from '../db/port.ts'
import type { EventType } from '../db/tables/events.ts'
import type { RenditionRow } from '../renditions/row.ts'
import { errorOf, labelsOf, metadataOf, type PhotoRow, retryOf, sourceUrlFor } from './row.ts'

export type TimelineEvent = {
  id: string
  type: EventType
  at: string
  attempt: number | null
  detail: string | null
}

/** For whom something is shown, and how the links in it are signed. */
export type Reader = { caller: Caller; sign: Sign }

/** The reader who sends a request. */
export const readerOf = async ({ access }: Pick<App, 'access'>, caller: Caller): Promise<Reader> => ({
  caller,
  sign: await access.links.signer(),
})

/** Everything that happened to a photo, oldest first. */
export const findTimeline = (db: Db, uuid: string): Promise<TimelineEvent[]> =>
  db
    .selectFrom('events')
    .select(['id', 'type', 'at', 'attempt', 'detail'])
    .where('photo_uuid', '=', uuid)
    .orderBy('seq')
    .orderBy('id')
    .execute()

/** A photo as a caller may see it, with links to its thumbnails. */
export function showPhoto(photo: PhotoRow, renditions: readonly RenditionRow[], { caller, sign }: Reader) {
  const { uuid, status, door, project_id, name, nickname, reference, attempts, created_at, updated_at } =
    photo
  return {
    uuid,
    url: sourceUrlFor(caller, photo),
    status,
    created_at,
    updated_at,
    door,
    project_id,
    name,
    reference,
    labels: labelsOf(photo),
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
      url: sign(row.url),
      created_at: row.created_at,
    })),
  }
}
