import type { Generated } from 'kysely'
import type { PhotoStatus } from '../../photo-status.ts'

/** Which set of endpoints created a photo. */
export const DOORS = ['photos', 'projects', 'jobs', 'v1', 'page'] as const

export type Door = (typeof DOORS)[number]

export type PhotosTable = {
  uuid: Generated<string>
  /** http(s) URL, or the storage key of an uploaded original. */
  url: string
  status: Generated<PhotoStatus>
  created_at: Generated<string>
  updated_at: Generated<string>
  door: Generated<Door>
  project_id: number | null
  /** A filename or a label that its sender chose; never a path. */
  name: string | null
  /** A `Recipe`; null until its first claim in a row inserted by hand, which gets the thumbnail recipe then. */
  recipe: string | null
  url_hash: string | null
  /** When processing was requested, while the photo waits for a worker; null: nobody has requested it, or a worker began. */
  queued_at: string | null
  /** The same while a worker holds the photo. */
  requested_at: string | null
  attempts: Generated<number>
  /** Until when a worker holds the photo, unless it renews that; of a pending photo: has its message at hand, and has not claimed it yet. */
  lease_until: string | null
  /** Fencing token of the attempt that holds the photo: a write that does not carry it changes nothing. */
  lease_token: string | null
  /** When a render of the last attempt began; null before that. */
  render_began_at: string | null
  /** How many attempts were given back since processing was requested: their workers died before a render began. */
  given_back: Generated<number>
  error_code: string | null
  error: string | null
  metadata: string | null
  /** ETag and size of an uploaded original as it was confirmed: what comes later under the same link is not processed. */
  source_etag: string | null
  source_bytes: number | null
  /** The name that the uploader gave on the page. */
  nickname: string | null
  /** When the sweep next checks whether an `init` photo has been uploaded. */
  check_after: string | null
  /** W3C Trace Context of the request that added or queued the photo. */
  traceparent: string | null
  /** When the original of a failed photo was removed; null: it was not. */
  source_removed_at: string | null
  /** Since when its message has waited in the outbox, for its time or its turn; null: it is published, or about to be. */
  held_at: string | null
  /** When the next attempt may begin, and why the last one failed (`Retry`); null: the last one did not fail. */
  retry_at: string | null
  retry: string | null
  /** When its message was published after its turn, or again; null, or before `queued_at`: when it was queued. */
  published_at: string | null
  /** When the sweep last found that the queue lacks its message; a claim forgets it. */
  missing_at: string | null
  /** The key with which it was added; null: none was needed. */
  key_id: string | null
  /** The client's own id of the photo. */
  reference: string | null
  /** The client's own keys and values, a JSON object; the database keeps `photo_labels` in step with it. */
  labels: string | null
}

/** A label of a photo as `key:value`: what the filter of lists reads, in their order. Written by the database alone. */
export type PhotoLabelsTable = {
  photo_uuid: string
  label: string
  project_id: number | null
  created_at: string
}

export type RenditionsTable = {
  uuid: Generated<string>
  photo_uuid: string
  name: string
  width: number
  height: number
  /** Path below the root of the renditions. */
  url: string
  format: string
  bytes: number
  created_at: Generated<string>
}

/** A request to process again, or to delete, all photos that fit a filter, until that is done of the last of them. */
export type BulkRequestsTable = {
  /** UUIDv7. */
  id: string
  /** `Filters` of a list of photos. */
  filters: string
  /** The photo up to which it is done, in the order of creation; null before the first. */
  last_created_at: string | null
  last_uuid: string | null
  /** W3C Trace Context of the request. */
  traceparent: string | null
  created_at: Generated<string>
  /** To how many photos it may still be done; null: to all, in a request of an earlier version. */
  remaining: number | null
}

/** Files of a photo that are to be removed. */
export type RemovalsTable = {
  /** UUIDv7. */
  id: string
  photo_uuid: string
  /** A JSON list of keys of the storage. */
  keys: string
  /** When the sweep removes them, should nobody have done so before. */
  due: string
  /** How often they have been removed. */
  runs: Generated<number>
  /** 1 or true: again later, for what an upload or a late attempt stores afterwards. */
  repeats: number | boolean
}
