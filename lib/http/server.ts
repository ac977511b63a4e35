import cors from '@fastify/cors'
import type { FastifyInstance } from 'fastify'
import { checkLocal } from '../access/browser.ts'
import type { AnyEndpoint, Live } from '../function.ts'
import type { LiveApp } from '../live/hub.ts'
import { openServer } from './bare-server.ts'
import { describeService } from './description/index.ts'
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
  await describeService(server, app.config, endpoints, lives)
  await acceptForms(server)
  const limits = openLimits(server, app)
  mountLive(server, lives, app, limits)
  mount(server, endpoints, app, limits)
  return server
}
