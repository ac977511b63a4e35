import { type Static, Type } from '@sinclair/typebox'
import { ErrorInfo, PhotoDetails, Retry, Thumbnail } from '../schemas/photos.ts'
import { Nullable, State, Status, Time, Uuid } from '../schemas/values.ts'

/** The events that sockets, event streams, webhooks and the exchange get, and when each comes. */
export const EVENTS = {
  'image.processing': 'An attempt began',
  'image.retrying': 'An attempt failed, and another will follow',
  'image.uploaded': 'The photo was processed, and its thumbnails are stored',
  'image.failed': 'The photo failed, and no attempt follows',
  'image.deleted': 'The photo was removed',
} as const

export type PublishedType = keyof typeof EVENTS

const EventThumbnail = Type.Omit(Thumbnail, ['created_at'], {
  title: 'EventThumbnail',
  description: 'An image that was made of the photo',
})

const { attempt, max_attempts, next_attempt_at } = Retry.properties

const EventData = Type.Object(
  {
    photo_uuid: Uuid,
    project_id: Nullable(Type.Integer()),
    status: Status,
    state: State,
    versions: Type.Record(Type.String(), Type.String(), {
      description: 'URLs by name: `original` where the service keeps it, and the images',
    }),
    thumbnails: Type.Array(EventThumbnail),
    error: Nullable(ErrorInfo),
    reference: PhotoDetails.properties.reference,
    labels: PhotoDetails.properties.labels,
    attempt: Type.Optional(attempt),
    max_attempts: Type.Optional(max_attempts),
    next_attempt_at: Type.Optional(next_attempt_at),
  },
  {
    title: 'EventData',
    description: 'The photo when the event happened; the last three are of `image.retrying`',
  },
)

/** An event as subscribers get it. */
export const Event = Type.Object(
  {
    specversion: Type.Literal('1.0'),
    id: Type.String({ format: 'uuid', description: 'Handle each id once: delivery is at least once' }),
    source: Type.Literal('photo-processor'),
    type: Type.Union(
      (Object.keys(EVENTS) as PublishedType[]).map((type) => Type.Literal(type)),
      { title: 'PublishedEventType', description: 'What happened' },
    ),
    subject: Type.String({ format: 'uuid', description: 'The photo' }),
    time: Time,
    datacontenttype: Type.Literal('application/json'),
    traceparent: Type.Optional(Type.String({ description: 'W3C Trace Context' })),
    data: EventData,
  },
  { title: 'Event', description: 'A CloudEvents 1.0 object' },
)

/** An event of one type. */
export const eventOf = (type: PublishedType) => ({
  allOf: [Event, { type: 'object', properties: { type: { const: type } } }],
})

export type DescribedEvent = Static<typeof Event>
