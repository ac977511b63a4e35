import cors from '@fastify/cors'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance, FastifySchema } from 'fastify'
import { checkLocal } from '../access/browser.ts'
import { ERROR_CODES } from '../errors.ts'
import type { AnyEndpoint, Live } from '../function.ts'
import type { LiveApp } from '../live/hub.ts'
import { openServer } from './bare-server.ts'
import { acceptForms } from './form.ts'
import { openLimits } from './limits.ts'
import { acceptSockets, mountLive } from './live.ts'
import { mount } from './mount.ts'

/** Headers of answers that scripts of other origins may read. */
const EXPOSED = [
  ...['location', 'link', 'etag', 'retry-after', 'www-authenticate', 'content-disposition', 'last-event-id'],
  ...['ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset'],
  ...['idempotency-replayed', 'x-cache', 'x-request-id'],
]

/** What stands above the endpoints: Markdown, since `/docs` shows it so. */
const DESCRIPTION = [
  'Asynchronous photo processing.',
  '',
  '| code | status | what it means |',
  '|---|---|---|',
]
  .concat(
    Object.entries(ERROR_CODES).map(([code, { status, means }]) => `| \`${code}\` | ${status} | ${means} |`),
  )
  .join('\n')

/** The whole service over HTTP: every endpoint, its OpenAPI description at `/openapi.json`, readable at `/docs`. */
export async function openHttp(
  app: LiveApp,
  endpoints: readonly AnyEndpoint[],
  lives: readonly Live[],
): Promise<FastifyInstance> {
  const server = openServer(app)
  if (app.config.corsOrigins.length > 0)
    await server.register(cors, {
      origin: [...app.config.corsOrigins],
      methods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
      exposedHeaders: EXPOSED,
    })
  await acceptSockets(server)
  // Probes and Prometheus call a pod by its address.
  server.addHook('onRequest', async ({ headers, routeOptions }) => {
    if (!routeOptions.schema?.tags?.includes('health')) checkLocal(app, headers)
  })
  await server.register(swagger, {
    transform: ({ schema, url }) => ({ schema: withForm(withOptionalDefaults(schema)), url }),
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Photo processor', description: DESCRIPTION, version: '1' },
    },
  })
  await server.register(swaggerUi, { routePrefix: '/docs' })
  await acceptForms(server)
  const limits = openLimits(server, app)
  mountLive(server, lives, app, limits)
  mount(server, endpoints, app, limits)
  server.get('/openapi.json', { schema: { hide: true } }, async () => server.swagger())
  return server
}

type Query = { required?: string[]; properties?: Record<string, { default?: unknown }> }

/** What has a default is always there for a handler, and need not be sent by a client. */
function withOptionalDefaults(schema: FastifySchema): FastifySchema {
  const query = schema?.querystring as Query | undefined
  if (!query?.required) return schema
  const required = query.required.filter((name) => query.properties?.[name]?.default === undefined)
  return { ...schema, querystring: { ...query, required } }
}

/** A form is read as it comes, not validated as a body; the description names its fields all the same. */
function withForm(schema: FastifySchema & { form?: unknown }): FastifySchema {
  return schema?.form ? { ...schema, body: schema.form } : schema
}
