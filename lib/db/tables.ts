import type { Generated } from 'kysely'
import type { PhotoStatus } from '../photo-status.ts'

/** Times are RFC 3339 UTC with milliseconds, JSON columns are JSON text, in PostgreSQL and SQLite alike. */
export type Tables = {
  photos: PhotosTable
  photo_thumbnails: RenditionsTable
  events: EventsTable
  deliveries: DeliveriesTable
  stopped_targets: StoppedTargetsTable
  idempotency_keys: IdempotencyKeysTable
  reprocessings: ReprocessingsTable
  removals: RemovalsTable
  turns: TurnsTable
  storage_owner: StorageOwnerTable
  api_keys: ApiKeysTable
  signing_keys: SigningKeysTable
  project_quotas: ProjectQuotasTable
}

/** The tables of this project, besides the one of the migrations. */
export const TABLES = Object.keys({
  photos: true,
  photo_thumbnails: true,
  events: true,
  deliveries: true,
  stopped_targets: true,
  idempotency_keys: true,
  reprocessings: true,
  removals: true,
  turns: true,
  storage_owner: true,
  api_keys: true,
  signing_keys: true,
  project_quotas: true,
} satisfies Record<keyof Tables, true>)

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

type EventsTable = {
  /** Its place in the order of events, which the database gives; 0 in those of earlier versions. */
  seq: Generated<number>
  /** UUIDv7. */
  id: string
  photo_uuid: string | null
  project_id: number | null
  type: EventType
  /** By the clock of the database. */
  at: Generated<string>
  attempt: number | null
  detail: string | null
  /** Body of the message, or null where the type says all. */
  data: string | null
  /** When the message is to be published; null: part of the timeline only. */
  publish_after: string | null
  published_at: string | null
  /** What its message carries. */
  traceparent: string | null
  /** The lane in which the message waits for its turn: a project, or a door where there is no project; null: it needs none. */
  lane: string | null
}

/** An event that is to be sent to one target, or has been. */
export type DeliveriesTable = {
  event_id: string
  target: string
  /** The CloudEvent; null once it has been delivered. */
  body: string | null
  attempts: Generated<number>
  /** When it is sent next; null: delivered, or given up for the reason in `error`. */
  due: string | null
  error: string | null
  created_at: Generated<string>
}

/** Targets that are sent nothing any more. */
type StoppedTargetsTable = { target: string; stopped_at: Generated<string> }

/** The first answer to a request that carried an `Idempotency-Key`. */
type IdempotencyKeysTable = {
  /** Method and path pattern; before them a hash of the caller's projects, where it does not see all. */
  route: string
  key: string
  /** SHA-256, in hex, of the body: the same key with another body is a mistake. */
  fingerprint: string
  status: number
  headers: string
  body: string
  created_at: Generated<string>
}

/** A request to process again all photos that fit a filter, until the last of them is queued. */
type ReprocessingsTable = {
  /** UUIDv7. */
  id: string
  /** `Filters` of a list of photos. */
  filters: string
  /** The photo up to which they are queued, in the order of creation; null before the first. */
  last_created_at: string | null
  last_uuid: string | null
  /** W3C Trace Context of the request. */
  traceparent: string | null
  created_at: Generated<string>
}

/** Files of a photo that are to be removed. */
type RemovalsTable = {
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

/** A part of the sweep that runs seldom. */
type TurnsTable = {
  name: string
  due: Generated<string>
  /** How far the last run came, where that matters to the next. */
  position: string | null
}

/** The one row that says which files are this database's: those of the storage that holds the same id. */
type StorageOwnerTable = {
  /** Null until the first search for files without a row. */
  id: string | null
  /** What takes its place; null unless that is under way. */
  next: string | null
}

/** A key that clients call with: `pp_<id>_<secret>`. */
export type ApiKeysTable = {
  id: string
  /** What it is for, in its owner's words. */
  name: string
  /** SHA-256 in hex. */
  secret_hash: string
  /** The secret before the last roll, which holds until `previous_until`. */
  previous_hash: string | null
  previous_until: string | null
  /** A JSON list of scopes. */
  scopes: string
  /** `"*"`, or a JSON list of project ids. */
  projects: string
  /** Requests a minute; null: `RATE_LIMIT`. */
  rate_limit: number | null
  created_at: Generated<string>
  expires_at: string | null
  revoked_at: string | null
  /** To the minute. */
  last_used_at: string | null
}

/** What links, tokens and sessions are signed with: the newest signs, each verifies. */
type SigningKeysTable = {
  kid: string
  /** A JWE where `SECRET` is set, else the bytes in base64url after `plain:`. */
  secret: string
  created_at: Generated<string>
}

/** What a project may add; a quota that is null is that of the configuration. Projects without quotas have no row. */
export type ProjectQuotasTable = {
  id: number
  photos_per_day: number | null
  bytes_per_day: number | null
  /** Photos that are not done. */
  waiting: number | null
  /** The day in UTC that the counts are of, such as 2026-01-31. */
  day: Generated<string>
  photos_today: Generated<number>
  bytes_today: Generated<number>
}

/** Everything that happens to a photo. `image.queued` goes to the workers, `message.dead` to the dead queue, the others to `photo-app`. */
export const EVENT_TYPES = [
  'image.created',
  'image.queued',
  'image.processing',
  'image.retrying',
  'image.uploaded',
  'image.failed',
  'image.deleted',
  'message.dead',
] as const
export type EventType = (typeof EVENT_TYPES)[number]
