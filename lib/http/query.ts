import { Type } from '@sinclair/typebox'
import type { AnyEndpoint } from '../function.ts'

/** What a signed link has in its query. */
const LINK = {
  exp: Type.Optional(Type.String({ description: 'of a signed link: its end, in s since 1970' })),
  kid: Type.Optional(Type.String({ description: 'of a signed link: which key has signed it' })),
  sig: Type.Optional(Type.String({ description: 'of a signed link: its signature' })),
}

/** The query that an endpoint takes; a parameter that it does not name is refused, unless it takes any. */
export function queryOf({ query, link, anyQuery }: Pick<AnyEndpoint, 'query' | 'link' | 'anyQuery'>): object {
  const { properties = {}, ...rest } = (query ?? Type.Object({})) as { properties?: object }
  return {
    ...rest,
    properties: { ...properties, ...(link && LINK) },
    additionalProperties: anyQuery === true,
  }
}
