import type { FastifyCorsOptions } from '@fastify/cors'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { METHODS } from './methods.ts'

/** Headers of answers that scripts of other origins may read. */
const EXPOSED = [
  ...['allow', 'location', 'link', 'etag', 'retry-after', 'www-authenticate', 'content-disposition'],
  ...['accept-ranges', 'content-range', 'last-event-id', 'idempotency-replayed', 'x-cache', 'x-request-id'],
  ...['ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset'],
]

/** Headers that scripts of other origins may send, besides those that need no leave. */
const SENT = [
  ...['authorization', 'content-type', 'idempotency-key', 'last-event-id', 'traceparent', 'tracestate'],
  ...['range', 'if-range', 'if-none-match', 'if-match'],
]

/** Methods that they may use; OPTIONS is the browser's own. */
const USED = METHODS.filter((method) => method !== 'OPTIONS')

/** For how long a browser remembers what it may send, in s: Chromium keeps it no longer. */
const REMEMBERED_S = 7_200

/** Lets pages of some origins call a server, and read its answers, refusals too; others get no leave. */
export function allowOrigins(server: FastifyInstance, origins: readonly string[]): void {
  if (origins.length === 0) return
  server.register(import('@fastify/cors'), {
    delegator: async ({ headers }: FastifyRequest): Promise<FastifyCorsOptions> => ({
      origin: origins.includes(headers.origin ?? '') && (headers.origin as string),
      // OPTIONS of who is no browser is answered as without CORS.
      preflight: headers['access-control-request-method'] !== undefined,
      methods: USED,
      allowedHeaders: SENT,
      exposedHeaders: EXPOSED,
      maxAge: REMEMBERED_S,
    }),
  })
}

/** The same for an answer that Fastify gives before any hook runs: to a URL that it cannot read. */
export const readableBy = (
  origins: readonly string[],
  { headers }: FastifyRequest,
): Record<string, string> =>
  origins.includes(headers.origin ?? '')
    ? { 'access-control-allow-origin': headers.origin as string, vary: 'Origin' }
    : {}
