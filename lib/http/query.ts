import { Type } from '@sinclair/typebox'
import type { AnyEndpoint } from '../function.ts'

/** What a signed link has in its query. */
const LINK = {
  exp: Type.Optional(Type.String({ description: 'of a signed link: its end, in s since 1970' })),
  kid: Type.Optional(Type.String({ description: 'of a signed link: which key has signed it' })),
  sig: Type.Optional(Type.String({ description: 'of a signed link: its signature' })),
}

type Taking = Pick<AnyEndpoint, 'query' | 'link' | 'anyQuery'>

const schemas = new WeakMap<Taking, object>()

/**
 * The query that an endpoint takes; a parameter that it does not name is refused, unless it takes any. The same schema each time:
 * the validator compiles what it has not seen, and keeps it.
 */
export function queryOf(endpoint: Taking): object {
  const schema = schemas.get(endpoint) ?? makeQuery(endpoint)
  schemas.set(endpoint, schema)
  return schema
}

function makeQuery({ query, link, anyQuery }: Taking): object {
  const { properties = {}, ...rest } = (query ?? Type.Object({})) as { properties?: object }
  return {
    ...rest,
    properties: { ...properties, ...(link && LINK) },
    additionalProperties: anyQuery === true,
  }
}
