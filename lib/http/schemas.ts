import { type TProperties, Type } from '@sinclair/typebox'
import { SCOPES } from '../access/caller.ts'
import { DOORS } from '../db/tables.ts'
import { PHOTO_STATUSES, type PhotoStatus } from '../photo-status.ts'
import { MOST } from '../photos/bulk-limits.ts'
import { MAX_LABELS } from '../photos/labels.ts'

/** RFC 3339, UTC, milliseconds. */
export const Time = Type.String({ format: 'date-time' })

export const Uuid = Type.String({ format: 'uuid' })

export const ProjectId = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })

/** An id in a path: any text, since what is no uuid is unknown (404), not invalid. */
export const UuidParams = Type.Object({ uuid: Type.String() })

export const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Union([schema, Type.Null()])

export const Strict = <T extends TProperties>(properties: T) =>
  Type.Object(properties, { additionalProperties: false })

/** What an upload link of the local store allows; a form has the same as fields. */
export const UploadQuery = Type.Object({
  key: Type.String({ default: '' }),
  policy: Type.String({ default: '' }),
  signature: Type.String({ default: '' }),
})

/** What a request that creates work may carry, so that it can be sent again without harm. */
export const KeyHeader = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({ minLength: 1, maxLength: 255, pattern: '^[\\x21-\\x7e]+$' }),
  ),
})

/** RFC 9457. */
export const Problem = Type.Object({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.String(),
  code: Type.String(),
  job_id: Type.Optional(Uuid),
  quota: Type.Optional(Type.String({ description: 'which one is used up' })),
  errors: Type.Optional(Type.Array(Type.Object({ pointer: Type.String(), detail: Type.String() }))),
})

/** The answers that any endpoint may give when it refuses. */
export const problems = <S extends number>(...statuses: S[]) =>
  Object.fromEntries(statuses.map((status) => [status, Problem])) as Record<S, typeof Problem>

/** A label that a client chose, such as a name. */
export const Line = Type.String({ minLength: 1, maxLength: 255, format: 'line' })

const LabelValue = Type.String({ maxLength: 255, format: 'line' })

const AS_LABELS = { propertyNames: { format: 'label-key' }, maxProperties: MAX_LABELS }

/** A client's own keys and values. */
export const Labels = Type.Record(Type.String(), LabelValue, AS_LABELS)

/** What becomes of them, as a JSON Merge Patch: null removes a key. */
export const LabelChanges = Type.Record(Type.String(), Nullable(LabelValue), {
  ...AS_LABELS,
  maxProperties: 2 * MAX_LABELS,
})

export const NoBody = Type.Null()

/** Not JSON: a Buffer or a stream. */
export const Bytes = Type.Unsafe<unknown>({ type: 'string', format: 'binary' })

export const Status = Type.Union(PHOTO_STATUSES.map((status) => Type.Literal(status)))

/** The times between which photos were created, the instants that they name included. */
const between = (format: string, zone: string) => {
  const time = (which: string) =>
    Type.Optional(
      Type.String({
        format,
        description: `created at this time or ${which}; the seconds may be missing, ${zone}; a date is its first instant in UTC`,
      }),
    )
  return { created_after: time('later'), created_before: time('earlier') }
}

/** What every list of photos is filtered by. */
export const ListFilters = {
  status: Type.Optional(Status),
  ...between('date-time', 'the offset may not'),
}

/** The same of the v1 door, whose clients may leave the offset out. */
export const ImageFilters = {
  ...ListFilters,
  ...between('utc-date-time', 'and without an offset it is in UTC'),
}

/** What a list of the photos of all doors is filtered by. */
export const PhotoFilters = {
  ...ListFilters,
  door: Type.Optional(Type.Union(DOORS.map((door) => Type.Literal(door)))),
  project_id: Type.Optional(ProjectId),
  name: Type.Optional(Type.String({ maxLength: 255, format: 'name-filter' })),
  code: Type.Optional(Type.String({ maxLength: 100, pattern: '^[^\\0]*$' })),
  reference: Type.Optional(Line),
  label: Type.Optional(Type.String({ format: 'label', description: 'as key:value' })),
}

/** What is done to all photos that match a filter; see `requestBulk`. */
export const BulkRequest = Strict({
  filter: Strict(PhotoFilters),
  dry_run: Type.Optional(Type.Boolean({ description: 'counts the photos and changes nothing' })),
  at_most: Type.Optional(
    Type.Integer({ minimum: 1, maximum: MOST, description: 'how many they may be; else nothing is done' }),
  ),
})

const Count = Type.Integer()

/** How many photos there are, in all and by status. */
export const StatusCounts = Type.Object({
  total: Count,
  init: Count,
  pending: Count,
  processing: Count,
  completed: Count,
  failed: Count,
} satisfies Record<PhotoStatus | 'total', typeof Count>)

export const PhotoSummary = Type.Object({ uuid: Uuid, url: Type.String(), status: Status, created_at: Time })

export const Thumbnail = Type.Object({
  uuid: Uuid,
  name: Type.String(),
  width: Type.Integer(),
  height: Type.Integer(),
  url: Type.String(),
  created_at: Time,
})

export const TimelineEvent = Type.Object({
  id: Uuid,
  type: Type.String(),
  at: Time,
  attempt: Nullable(Type.Integer()),
  detail: Nullable(Type.String()),
})

/** What the camera wrote into a source; what is absent or damaged is left out. */
export const Exif = Type.Object({
  make: Type.Optional(Type.String()),
  model: Type.Optional(Type.String()),
  lens: Type.Optional(Type.String()),
  exposure_time: Type.Optional(Type.Number({ description: 'seconds' })),
  f_number: Type.Optional(Type.Number()),
  iso: Type.Optional(Type.Number()),
  focal_length: Type.Optional(Type.Number({ description: 'millimetres' })),
  taken_at: Type.Optional(
    Type.String({ description: 'RFC 3339 where the offset is known, else local time without a zone' }),
  ),
  orientation: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 8, description: 'as stored; renditions are upright' }),
  ),
  gps: Type.Optional(
    Type.Object(
      { latitude: Type.Number(), longitude: Type.Number(), altitude: Type.Optional(Type.Number()) },
      { description: 'degrees and metres; only with EXIF_GPS=true' },
    ),
  ),
})

export const Metadata = Type.Object({
  format: Type.String(),
  contentType: Type.String(),
  width: Type.Integer({ description: 'as shown, after orientation' }),
  height: Type.Integer(),
  bytes: Type.Integer(),
  exif: Nullable(Exif),
  thumbhash: Nullable(Type.String({ description: 'base64' })),
})

export const ErrorInfo = Type.Object({ code: Type.String(), message: Type.String() })

/** Of a photo whose last attempt failed, while another will follow. */
const Retry = Type.Object({
  attempt: Type.Integer({ description: 'the one that failed' }),
  max_attempts: Type.Integer(),
  next_attempt_at: Type.String({ format: 'date-time', description: 'not before that' }),
  error: ErrorInfo,
})

export const PhotoDetails = Type.Object({
  uuid: Uuid,
  url: Type.String(),
  status: Status,
  created_at: Time,
  updated_at: Time,
  door: Type.String(),
  project_id: Nullable(Type.Integer()),
  name: Nullable(Type.String()),
  reference: Nullable(Type.String({ description: 'the client’s own id' })),
  labels: Type.Record(Type.String(), Type.String(), { description: 'the client’s own keys and values' }),
  /** Where one was given with an upload to the page. */
  nickname: Type.Optional(Type.String()),
  attempts: Type.Integer(),
  metadata: Nullable(Metadata),
  error: Nullable(ErrorInfo),
  retry: Nullable(Retry),
  thumbnails: Type.Array(Thumbnail),
})

export const PhotoWithTimeline = Type.Composite([
  PhotoDetails,
  Type.Object({ timeline: Type.Array(TimelineEvent) }),
])

/** A photo in the words of the v1 door; what it is of the original is in `result`. */
export const ImageJob = Type.Object({
  id: Uuid,
  url: Type.String(),
  status: Status,
  attempts: Type.Integer(),
  created_at: Time,
  updated_at: Time,
  result: Nullable(
    Type.Object({
      width: Type.Integer(),
      height: Type.Integer(),
      format: Type.String(),
      size_bytes: Type.Integer(),
      thumbnail_path: Nullable(Type.String()),
      source_content_type: Type.String(),
      source_url: Type.String(),
      exif: Nullable(Exif),
      thumbhash: Nullable(Type.String()),
    }),
  ),
  error: Nullable(Type.String({ description: 'code: message' })),
})

/** A key as it is listed. */
export const ShownKey = Type.Object({
  id: Type.String(),
  name: Type.String(),
  scopes: Type.Array(Type.Union(SCOPES.map((scope) => Type.Literal(scope)))),
  projects: Type.Union([Type.Literal('*'), Type.Array(Type.Integer())]),
  rate_limit: Nullable(Type.Integer({ description: 'requests a minute, where not RATE_LIMIT' })),
  created_at: Time,
  expires_at: Nullable(Time),
  revoked_at: Nullable(Time),
  last_used_at: Nullable(Time),
})

const QuotaUsage = Type.Object({
  own: Nullable(Type.Integer({ description: 'of the project itself' })),
  limit: Nullable(Type.Integer({ description: 'the one in force; null: none' })),
  used: Type.Integer({ description: 'today in UTC; of waiting: now' }),
})

/** What a project may add, and what it has added. */
export const ProjectUsage = Type.Object({
  project_id: ProjectId,
  photos_per_day: QuotaUsage,
  bytes_per_day: QuotaUsage,
  waiting: QuotaUsage,
})
