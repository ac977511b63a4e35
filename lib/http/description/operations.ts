import type { FastifySchema } from 'fastify'
import type { AnyEndpoint, Live } from '../../function.ts'
import { Bytes, EventStream, problems } from '../schemas/answers.ts'
import { Followed, KeyHeader } from '../schemas/requests.ts'
import { type Exchange, examplesOf, exchangesOf } from './examples.ts'

/** What the description says of an endpoint; `streams`: it is an event stream. */
export type Described = Omit<AnyEndpoint, 'handle'> & { streams?: true }

/** What an endpoint takes, as @fastify/swagger reads it. */
export function describeRequest(endpoint: Described): FastifySchema {
  const { access, name, summary, tag, params, query, body, form, content } = endpoint
  const examples = exchangesOf(name)
  return {
    ...(name && { operationId: name }),
    summary,
    tags: [tag],
    security: securityOf(endpoint),
    ...(params && { params: withExamples(namedPath(params), examples, 'params') }),
    ...(query && { querystring: withExamples(withOptionalDefaults(query), examples, 'query') }),
    ...(body && { body: withCases(body, examples, 'body') }),
    ...(body && access !== 'public' && { headers: KeyHeader }),
    // A form is read as it comes, not validated as a body.
    ...(content && { consumes: ['application/octet-stream'], body: Bytes }),
    ...(form && { consumes: ['multipart/form-data'], body: withCases(form, examples, 'form') }),
  }
}

/** One that goes on talking: as event stream it is answered here; its messages as socket are in `/asyncapi.json`. */
export function describedLive({ subscription, ...live }: Live): Described {
  const endpoint = { ...live, method: 'GET' } as const
  if (!subscription) return { ...endpoint, replies: problems('foreign-origin', 'upgrade-required', 503) }
  return {
    ...endpoint,
    streams: true,
    query: Followed,
    replies: { 200: EventStream, ...problems('foreign-origin', 404, 503, 'too-many-sockets') },
  }
}

type OfObject = { required?: string[]; properties?: Record<string, object & { default?: unknown }> }

/** What has a default is always there for a handler, and need not be sent by a client. */
function withOptionalDefaults(query: OfObject): OfObject {
  const required = query.required?.filter((name) => query.properties?.[name]?.default === undefined)
  return { ...query, ...(required && { required }) }
}

/** The rest of a path has a name in the description, where it is written `{path}`. */
const namedPath = ({ properties = {}, ...rest }: OfObject): OfObject => ({
  ...rest,
  properties: Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => [name === '*' ? 'path' : name, schema]),
  ),
})

/** A path as the description has it. */
export const describedPath = (path: string): string => path.replace('*', ':path')

/** Parameters with the value that an example has for them. */
const withExamples = (
  { properties = {}, ...rest }: OfObject,
  examples: [string, Exchange][],
  part: 'params' | 'query',
): OfObject => ({
  ...rest,
  properties: Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => {
      const value = examples.flatMap(([, exchange]) => exchange[part]?.[name] ?? [])[0]
      return [name, value === undefined ? schema : { ...schema, examples: [value] }]
    }),
  ),
})

/** A body with the examples of it. */
const withCases = (schema: object, examples: [string, Exchange][], part: 'body' | 'form'): object => ({
  ...schema,
  'x-examples': examplesOf(examples.map(([name, exchange]) => [name, exchange[part]])),
})

/** The ways to say who calls; where none is wanted, the service is open to all. */
function securityOf({ access, link, streams }: Described): Record<string, string[]>[] {
  if (access === 'public') return []
  // With the scope that the key or session must have.
  const ways: Record<string, string[]>[] = [{ key: [access] }, { session: [access] }]
  if (link) ways.push({ link: [] })
  if (streams) ways.push({ access_token: [] })
  return ways
}
