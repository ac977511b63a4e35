import { type ObjectOptions, type TProperties, Type } from '@sinclair/typebox'
import { DOORS } from '../../db/tables/photos.ts'
import { ERROR_CODES, type ErrorCode } from '../../errors.ts'
import { PHOTO_STATUSES } from '../../photo-status.ts'

/** RFC 3339, UTC, milliseconds. A schema of this folder that has a `title` has that name in the description. */
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

/** A code of the table of error codes. */
export const Code = Type.Unsafe<ErrorCode>({
  title: 'ErrorCode',
  description: 'Stable: programs may rely on it. The table above says what each means.',
  type: 'string',
  enum: Object.keys(ERROR_CODES),
})

/** A label that a client chose, such as a name. */
export const Line = Type.String({ minLength: 1, maxLength: 255, format: 'line' })

export const Status = Type.Union(
  PHOTO_STATUSES.map((status) => Type.Literal(status)),
  {
    title: 'PhotoStatus',
    description: '`completed` and `failed` are final until processing is requested again',
  },
)

export const DoorName = Type.Union(
  DOORS.map((door) => Type.Literal(door)),
  { title: 'Door', description: 'The set of endpoints that created the photo' },
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
