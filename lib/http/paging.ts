import { Type } from '@sinclair/typebox'
import type { Headers } from '../function.ts'

/** What a list takes that is read page by page. */
export const pageQuery = (most: number, usual: number) => ({
  limit: Type.Integer({ minimum: 1, maximum: most, default: usual, description: 'how many at most' }),
  after: Type.Optional(Type.String({ maxLength: 200, description: '`next` of the page before' })),
})

/** The header that leads to another page of a list (RFC 8288): the same address with this query. */
export function linkTo(address: string, query: object): Headers {
  const given = Object.entries(query).filter(([, value]) => value !== undefined)
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)] as [string, string]))
  return { link: `<${address}?${text}>; rel="next"` }
}

/** The same for a list with a cursor; without a next page there is no header. */
export const linkNext = (address: string, query: object, next: string | null): Headers =>
  next === null ? {} : linkTo(address, { ...query, after: next })
