import { Type } from '@sinclair/typebox'
import { MOST } from '../../photos/bulk-limits.ts'
import { MAX_LABELS } from '../../photos/labels.ts'
import { DoorName, Nullable, ProjectId, Status, Strict } from './values.ts'

/** What an upload link of the local store allows; a form has the same as fields. */
export const UploadQuery = Type.Object({
  key: Type.String({ default: '', description: 'The field `key` of the link' }),
  policy: Type.String({ default: '', description: 'The field `policy` of the link' }),
  signature: Type.String({ default: '', description: 'The field `signature` of the link' }),
})

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

/** What the address of an event stream may have, since a browser sends no headers for it. */
export const Followed = Type.Object({
  after: Type.Optional(
    Type.String({
      description: 'Id of an event: those since 10 s before it come first. So does `Last-Event-ID`',
    }),
  ),
  access_token: Type.Optional(Type.String({ description: 'A token, never a key' })),
})

const LabelValue = Type.String({ maxLength: 255, format: 'line' })

const AS_LABELS = { propertyNames: { format: 'label-key' }, maxProperties: MAX_LABELS }

/** A client's own keys and values. */
export const Labels = Type.Record(Type.String(), LabelValue, AS_LABELS)

/** What becomes of them, as a JSON Merge Patch: null removes a key. */
export const LabelChanges = Type.Record(Type.String(), Nullable(LabelValue), {
  ...AS_LABELS,
  maxProperties: 2 * MAX_LABELS,
})

/** The times between which photos were created, the instants that they name included. */
const between = (format: string, zone: string) => {
  const time = (which: string) =>
    Type.Optional(
      Type.String({
        format,
        description: `Created at this time or ${which}; the seconds may be missing, ${zone}; a date is its first instant in UTC`,
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
  reference: Type.Optional(
    Type.String({ minLength: 1, maxLength: 255, format: 'line', description: 'The client’s own id' }),
  ),
  label: Type.Optional(Type.String({ format: 'label', description: 'A label, as `key:value`' })),
}

/** What is done to all photos that match a filter; see `requestBulk`. */
export const BulkRequest = Strict({
  filter: Strict(PhotoFilters, { title: 'PhotoFilter', description: 'The photos that fit all of it' }),
  dry_run: Type.Optional(Type.Boolean({ description: 'counts the photos and changes nothing' })),
  at_most: Type.Optional(
    Type.Integer({ minimum: 1, maximum: MOST, description: 'how many they may be; else nothing is done' }),
  ),
})

/** How many photos that is done to. */
export const BulkCount = Type.Object(
  {
    count: Type.Integer({
      description: 'Photos that it is done to by now; with `dry_run`, that fit the filter',
    }),
  },
  { title: 'BulkCount', description: 'How many photos that is done to by now, or fit with `dry_run`' },
)
