import { Type } from '@sinclair/typebox'
import type { AnyEndpoint } from '../function.ts'

/** What a signed link has in its query. */
const LINK = {
  exp: Type.Optional(Type.String()),
  kid: Type.Optional(Type.String()),
  sig: Type.Optional(Type.String()),
}

/** The query that an endpoint takes; a parameter that it does not name is refused, unless it takes any. */
export function queryOf({
  query,
  link,
  anyQuery,
}: Pick<AnyEndpoint, 'query' | 'link' | 'anyQuery'>): object | undefined {
  if (anyQuery) return query
  const { properties = {}, ...rest } = (query ?? Type.Object({})) as { properties?: object }
  return { ...rest, properties: { ...properties, ...(link && LINK) }, additionalProperties: false }
}
