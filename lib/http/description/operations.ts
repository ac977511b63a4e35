import type { FastifySchema } from 'fastify'
import type { AnyEndpoint, Live } from '../../function.ts'
import { Bytes, KeyHeader, Problem, problems } from '../schemas.ts'

const EVENTS = {
  200: {
    description: 'Server-Sent Events whose data are CloudEvents',
    content: { 'text/event-stream': { schema: { type: 'string' } } },
  },
  ...documented(problems(401, 403, 404, 421, 422, 429, 503)),
}
const UPGRADE = documented(problems(401, 403, 421, 426, 429, 503))

/** An endpoint as the description has it. */
export function describeEndpoint(endpoint: AnyEndpoint): FastifySchema {
  const { access, name, summary, tag, params, query, body, form, replies } = endpoint
  return {
    ...(name && { operationId: name }),
    summary,
    tags: [tag],
    ...(params && { params }),
    ...(query && { querystring: withOptionalDefaults(query) }),
    ...(body && { body }),
    ...(body && access !== 'public' && { headers: KeyHeader }),
    // A form is read as it comes, not validated as a body.
    ...(form && { consumes: ['multipart/form-data'], body: form }),
    response: documented(access === 'public' ? replies : { ...replies, 429: Problem }),
  }
}

/** The same of one that goes on talking. */
export function describeLive({ name, summary, tag, params, subscription }: Live): FastifySchema {
  return {
    ...(name && { operationId: name }),
    summary,
    tags: [tag],
    ...(params && { params }),
    response: subscription ? EVENTS : UPGRADE,
  }
}

type Query = { required?: string[]; properties?: Record<string, { default?: unknown }> }

/** What has a default is always there for a handler, and need not be sent by a client. */
function withOptionalDefaults(query: Query): Query {
  const required = query.required?.filter((name) => query.properties?.[name]?.default === undefined)
  return { ...query, ...(required && { required }) }
}

/** Answers as the description has them: problems have a content type of their own. */
function documented(replies: AnyEndpoint['replies']) {
  return Object.fromEntries(
    Object.entries(replies).map(([status, schema]) => [
      status,
      schema === Bytes
        ? { description: 'The answer', content: { '*/*': { schema } } }
        : Number(status) >= 400 && schema === Problem
          ? { description: 'Refused', content: { 'application/problem+json': { schema } } }
          : {
              description: 'The answer',
              ...(schema.type === 'null' ? schema : { content: { 'application/json': { schema } } }),
            },
    ]),
  )
}
