import { type ObjectOptions, type TProperties, type TSchema, Type } from '@sinclair/typebox'
import { SCOPES } from '../access/caller.ts'
import { DOORS, EVENT_TYPES } from '../db/tables.ts'
import { ERROR_CODES, type ErrorCode } from '../errors.ts'
import { PHOTO_STATUSES, type PhotoStatus } from '../photo-status.ts'

/** RFC 3339, UTC, milliseconds. Here and below, a schema with a `title` has that name in the description. */
export const Time = Type.String({ format: 'date-time' })

export const Uuid = Type.String({ format: 'uuid' })

export const ProjectId = Type.Integer({
  minimum: 1,
  maximum: Number.MAX_SAFE_INTEGER,
  description: 'Id of a project',
})

/** An id in a path: any text, since what is no uuid is unknown (404), not invalid. */
export const UuidParams = Type.Object({ uuid: Type.String({ description: 'Id of the photo' }) })

export const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Union([schema, Type.Null()])

export const Strict = <T extends TProperties>(properties: T, options: ObjectOptions = {}) =>
  Type.Object(properties, { ...options, additionalProperties: false })

/** What a request that creates work may carry, so that it can be sent again without harm. */
export const KeyHeader = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 255,
      pattern: '^[\\x21-\\x7e]+$',
      description:
        'Makes the request safe to repeat: who sends the same key and body again within 24 h gets the first answer',
    }),
  ),
})

/** A code of the table of error codes. */
export const Code = Type.Unsafe<ErrorCode>({
  title: 'ErrorCode',
  description: 'Stable: programs may rely on it. The table above says what each means.',
  type: 'string',
  enum: Object.keys(ERROR_CODES),
})

/** RFC 9457. */
export const Problem = Type.Object(
  {
    type: Type.String({ description: '`about:blank`: `code` says which problem it is' }),
    title: Type.String({ description: 'The words of HTTP for the status' }),
    status: Type.Integer(),
    detail: Type.String({ description: 'What is wrong, for people' }),
    code: Code,
    job_id: Type.Optional(
      Type.String({ format: 'uuid', description: 'The job that is in the way, of `already-active`' }),
    ),
    quota: Type.Optional(Type.String({ description: 'The quota that is used up, of `quota-exceeded`' })),
    errors: Type.Optional(
      Type.Array(
        Type.Object({
          pointer: Type.String({
            description: 'A JSON pointer (RFC 6901) into the body, or `/query/…`, `/params/…`, `/headers/…`',
          }),
          detail: Type.String(),
        }),
        { description: 'Each part of the request that is wrong' },
      ),
    ),
  },
  { title: 'Problem', description: 'Why a request is refused (RFC 9457)' },
)

type Refusal = typeof Problem & { readonly codes: readonly ErrorCode[] }

type StatusOf<C> = C extends ErrorCode ? (typeof ERROR_CODES)[C]['status'] : C

/**
 * The answers by which an endpoint refuses: a code adds its status. Codes that follow from the rest of its definition, such as
 * `unauthorized`, need not be named: see `description/codes.ts`.
 */
export function problems<const C extends readonly (number | ErrorCode)[]>(...causes: C) {
  const refusals: Record<number, Refusal> = {}
  for (const cause of causes) {
    const status = typeof cause === 'number' ? cause : ERROR_CODES[cause].status
    const codes = refusals[status]?.codes ?? []
    refusals[status] = { ...Problem, codes: typeof cause === 'number' ? codes : [...codes, cause] }
  }
  return refusals as Record<Extract<StatusOf<C[number]>, number>, Refusal>
}

export const isProblem = (schema: TSchema | undefined): schema is Refusal => schema?.title === Problem.title

export const NoBody = Type.Null()

/** What says of a process that it runs. */
export const Ok = Type.Object(
  { status: Type.Literal('ok') },
  { title: 'Ok', description: 'The process runs' },
)

/** Not JSON but of another media type: a Buffer or a stream. */
const bytes = (contentMediaType: string, description: string) =>
  Type.Unsafe<unknown>({ type: 'string', format: 'binary', contentMediaType, description })

export const Bytes = bytes('*/*', 'The file')
export const ImageBytes = bytes('image/*', 'The image')
export const Page = bytes('text/html', 'The page')
export const EventStream = bytes('text/event-stream', 'Server-Sent Events, whose `data` is an `Event` each')
export const MetricsText = bytes('text/plain', 'The metrics in the text format of Prometheus')

export const Status = Type.Union(
  PHOTO_STATUSES.map((status) => Type.Literal(status)),
  {
    title: 'PhotoStatus',
    description: '`completed` and `failed` are final until processing is requested again',
  },
)

const DoorName = Type.Union(
  DOORS.map((door) => Type.Literal(door)),
  { title: 'Door', description: 'The set of endpoints that created the photo' },
)

/** What every list of photos is filtered by; times include the instant they name. */
export const ListFilters = {
  status: Type.Optional(Status),
  created_after: Type.Optional(
    Type.String({ format: 'date-time', description: 'Photos that were created then or later' }),
  ),
  created_before: Type.Optional(
    Type.String({ format: 'date-time', description: 'Photos that were created then or earlier' }),
  ),
}

/** What a list of the photos of all doors is filtered by. */
export const PhotoFilters = {
  ...ListFilters,
  door: Type.Optional(DoorName),
  project_id: Type.Optional(ProjectId),
  name: Type.Optional(
    Type.String({
      maxLength: 255,
      format: 'name-filter',
      description: 'The name; `*`, up to five, stands for any text',
    }),
  ),
  code: Type.Optional(
    Type.String({ maxLength: 100, pattern: '^[^\\0]*$', description: 'The error code of failed photos' }),
  ),
}

const Count = Type.Integer()

/** Where a page of a list begins. */
export const After = Type.Optional(
  Type.String({ maxLength: 200, description: 'The `next` of the page before; the first page unless told' }),
)

/** Where the next page of a list begins. */
export const Next = Nullable(
  Type.String({ description: 'Send it as `after` for the next page; null: this is the last' }),
)

/** The state of an image in the words of the projects door. */
export const State = Type.Union(
  (['init', 'uploaded', 'processing', 'done', 'error'] as const).map((state) => Type.Literal(state)),
  { title: 'ImageState', description: 'The status of a photo in the words of the projects door' },
)

/** How many photos there are, in all and by status. */
export const StatusCounts = Type.Object(
  {
    total: Count,
    init: Count,
    pending: Count,
    processing: Count,
    completed: Count,
    failed: Count,
  } satisfies Record<PhotoStatus | 'total', typeof Count>,
  { title: 'StatusCounts', description: 'How many photos there are, in all and by status' },
)

/** Where a photo comes from, as its readers see it. */
const SourceUrl = Type.String({
  description:
    'The source: an http(s) URL, without its query for others than who added it, or `originals/…` of an upload',
})

export const PhotoSummary = Type.Object(
  { uuid: Uuid, url: SourceUrl, status: Status, created_at: Time },
  { title: 'PhotoSummary', description: 'A photo that waits' },
)

export const Thumbnail = Type.Object(
  {
    uuid: Uuid,
    name: Type.String({ description: '`thumbnail`, or the name of a version' }),
    width: Type.Integer({ description: 'px' }),
    height: Type.Integer({ description: 'px' }),
    url: Type.String({ description: 'The path below `/files/`; with keys, signed by its query' }),
    created_at: Time,
  },
  { title: 'Thumbnail', description: 'An image that was made of a photo' },
)

export const TimelineEvent = Type.Object(
  {
    id: Uuid,
    type: Type.Union(
      EVENT_TYPES.map((type) => Type.Literal(type)),
      { title: 'EventType', description: 'What happened to a photo' },
    ),
    at: Time,
    attempt: Nullable(Type.Integer({ description: 'The attempt that it belongs to' })),
    detail: Nullable(Type.String({ description: 'Why, where there is a reason' })),
  },
  { title: 'TimelineEvent', description: 'Something that happened to a photo' },
)

/** What the camera wrote into a source; what is absent or damaged is left out. */
export const Exif = Type.Object(
  {
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
  },
  { title: 'Exif', description: 'What the camera wrote; what is absent or damaged is left out' },
)

export const Metadata = Type.Object(
  {
    format: Type.String(),
    contentType: Type.String(),
    width: Type.Integer({ description: 'px, as shown, after orientation' }),
    height: Type.Integer({ description: 'px' }),
    bytes: Type.Integer(),
    exif: Nullable(Exif),
    thumbhash: Nullable(Type.String({ description: 'A placeholder (ThumbHash) in base64' })),
  },
  { title: 'Metadata', description: 'What is known of the source once it was rendered' },
)

export const ErrorInfo = Type.Object(
  {
    code: Type.String({ description: 'An `ErrorCode`, unless somebody wrote the row by SQL' }),
    message: Type.String(),
  },
  { title: 'PhotoError', description: 'Why a photo failed, or a file was not taken' },
)

/** Of a photo whose last attempt failed, while another will follow. */
export const Retry = Type.Object(
  {
    attempt: Type.Integer({ description: 'The one that failed' }),
    max_attempts: Type.Integer(),
    next_attempt_at: Type.String({ format: 'date-time', description: 'Not before that' }),
    error: ErrorInfo,
  },
  { title: 'Retry', description: 'The last attempt failed, and another will follow' },
)

export const PhotoDetails = Type.Object(
  {
    uuid: Uuid,
    url: SourceUrl,
    status: Status,
    created_at: Time,
    updated_at: Time,
    door: DoorName,
    project_id: Nullable(Type.Integer()),
    name: Nullable(Type.String()),
    /** Where one was given with an upload to the page. */
    nickname: Type.Optional(Type.String()),
    attempts: Type.Integer(),
    metadata: Nullable(Metadata),
    error: Nullable(ErrorInfo),
    retry: Nullable(Retry),
    thumbnails: Type.Array(Thumbnail),
  },
  { title: 'Photo', description: 'A photo with its thumbnails' },
)

export const PhotoWithTimeline = Type.Composite(
  [PhotoDetails, Type.Object({ timeline: Type.Array(TimelineEvent) })],
  { title: 'PhotoWithTimeline', description: 'A photo with its thumbnails, and all that happened to it' },
)

/** A photo in the words of the v1 door; what it is of the original is in `result`. */
export const ImageJob = Type.Object(
  {
    id: Uuid,
    url: SourceUrl,
    status: Status,
    attempts: Type.Integer(),
    created_at: Time,
    updated_at: Time,
    result: Nullable(
      Type.Object(
        {
          width: Type.Integer(),
          height: Type.Integer(),
          format: Type.String(),
          size_bytes: Type.Integer(),
          thumbnail_path: Nullable(Type.String()),
          source_content_type: Type.String(),
          source_url: Type.String(),
          exif: Nullable(Exif),
          thumbhash: Nullable(Type.String()),
        },
        { title: 'ImageResult', description: 'What is known of the source, and where its thumbnail lies' },
      ),
    ),
    error: Nullable(ErrorInfo),
  },
  { title: 'ImageJob', description: 'A photo as a job of the v1 door' },
)

/** What a credential lets its bearer do. */
export const ScopeName = Type.Union(
  SCOPES.map((scope) => Type.Literal(scope)),
  { title: 'Scope', description: '`read` shows, `write` makes and removes, `admin` does everything' },
)

/** A key as it is listed. */
export const ShownKey = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    scopes: Type.Array(ScopeName),
    projects: Type.Union([Type.Literal('*'), Type.Array(Type.Integer())]),
    rate_limit: Nullable(Type.Integer({ description: 'requests a minute, where not RATE_LIMIT' })),
    created_at: Time,
    expires_at: Nullable(Time),
    revoked_at: Nullable(Time),
    last_used_at: Nullable(Time),
  },
  { title: 'Key', description: 'A key as it is listed: its secret is not kept' },
)

const QuotaUsage = Type.Object(
  {
    own: Nullable(Type.Integer({ description: 'of the project itself' })),
    limit: Nullable(Type.Integer({ description: 'the one in force; null: none' })),
    used: Type.Integer({ description: 'today in UTC; of waiting: now' }),
  },
  { title: 'Quota' },
)

/** What a project may add, and what it has added. */
export const ProjectUsage = Type.Object(
  {
    project_id: ProjectId,
    photos_per_day: QuotaUsage,
    bytes_per_day: QuotaUsage,
    waiting: QuotaUsage,
  },
  { title: 'ProjectUsage', description: 'What a project may add, and what it has added' },
)
