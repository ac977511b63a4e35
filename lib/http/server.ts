import type { FastifyInstance } from 'fastify'
import { checkLocal } from '../access/browser.ts'
import type { AnyEndpoint, Live } from '../function.ts'
import { openConnections } from '../live/connections.ts'
import type { LiveApp } from '../live/hub.ts'
import { openServer } from './bare-server.ts'
import { describeService } from './description/index.ts'
import { acceptForms } from './form.ts'
import { openLimits } from './limits.ts'
import { acceptSockets, mountLive } from './live.ts'
import { answerOtherMethods } from './methods.ts'
import { mount } from './mount.ts'

/** The whole service over HTTP: every endpoint, its OpenAPI description at `/openapi.json`, readable at `/docs`. */
export async function openHttp(
  app: LiveApp,
  endpoints: readonly AnyEndpoint[],
  lives: readonly Live[],
): Promise<FastifyInstance> {
  const server = openServer(app)
  await acceptSockets(server)
  // Probes and Prometheus call a pod by its address.
  server.addHook('onRequest', async ({ headers, routeOptions }) => {
    if (!routeOptions.schema?.tags?.includes('health')) checkLocal(app, headers)
  })
  await describeService(server, app.config, endpoints, lives)
  await acceptForms(server)
  const limits = openLimits(server, app)
  const connections = openConnections()
  mountLive(server, lives, app, limits, connections)
  mount(server, endpoints, app, limits, connections)
  answerOtherMethods(
    server,
    ['/openapi.json', '/asyncapi.json', '/docs', '/docs/*'].map((path) => ({ method: 'GET', path })),
  )
  return server
}
