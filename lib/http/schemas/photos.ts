import { Type } from '@sinclair/typebox'
import { EVENT_TYPES } from '../../db/tables/events.ts'
import type { PhotoStatus } from '../../photo-status.ts'
import { DoorName, Nullable, Status, Time, Uuid } from './values.ts'

const Count = Type.Integer()

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
    reference: Nullable(Type.String({ description: 'The client’s own id' })),
    labels: Type.Record(Type.String(), Type.String(), { description: 'The client’s own keys and values' }),
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
    error: Nullable(Type.String({ description: '`code: message`' })),
  },
  { title: 'ImageJob', description: 'A photo as a job of the v1 door' },
)
