import { AppError } from './errors.ts'

/** A place in a list ordered by creation: a time, and which row of that time. */
export type Position = { created_at: string; id: string }

/** A day that its month has, and a year that PostgreSQL has. */
export const isTime = (time: string): boolean =>
  time >= '0001' && !Number.isNaN(Date.parse(time)) && new Date(time).toISOString() === time

/** What a client sends to go on behind a place; it need not know what that is. */
export const toCursor = ({ created_at, id }: Position): string =>
  Buffer.from(`${created_at}/${id}`).toString('base64url')

/** The place that a cursor names, with its id as `parseId` reads it. Throws `invalid`. */
export function parseCursor(cursor: string, parseId: (text: string) => string | undefined): Position {
  const [created_at = '', text = ''] = Buffer.from(cursor, 'base64url').toString('latin1').split('/')
  const id = parseId(text)
  if (!id || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(created_at) || !isTime(created_at)) {
    throw new AppError('invalid', 'The cursor does not come from a list of this service', {
      errors: [{ pointer: '/query/after', detail: 'must be the cursor of a next page' }],
    })
  }
  return { created_at, id }
}
