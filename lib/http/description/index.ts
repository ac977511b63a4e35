import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance, FastifySchema } from 'fastify'
import type { Config } from '../../config/index.ts'
import type { AnyEndpoint, Live } from '../../function.ts'
import { once } from '../../once.ts'
import { send } from '../mount.ts'
import { answerWith, encode } from '../page-assets.ts'
import { describeAnswers, type Refusals } from './answers.ts'
import { asyncApi } from './asyncapi.ts'
import { nameSchemas } from './components.ts'
import { frameOf, SECURITY_SCHEMES } from './document.ts'
import { describedLive, describedPath, describeRequest } from './operations.ts'

type Paths = Record<string, Record<string, { operationId?: string; responses?: object }>>

/**
 * Describes what is mounted after it at `/openapi.json`, readable at `/docs`. @fastify/swagger makes paths and requests of the routes,
 * when the description is first read; the rest is made of the definitions.
 */
export async function describeService(
  server: FastifyInstance,
  config: Config,
  endpoints: readonly AnyEndpoint[],
  lives: readonly Live[],
): Promise<void> {
  const described = [...endpoints, ...lives.map(describedLive)]
  const byRoute = new Map<string, (typeof described)[number]>(
    described.map((one) => [`${one.method} ${one.path}`, one]),
  )
  const addAnswers = (paths: Paths): Refusals => {
    const refusals: Refusals = new Map()
    for (const operation of Object.values(paths).flatMap((methods) => Object.values(methods))) {
      const endpoint = described.find(({ name }) => name === operation.operationId)
      if (endpoint) operation.responses = describeAnswers(endpoint, refusals)
    }
    return refusals
  }
  await server.register(swagger, {
    transform: ({ route, url }) => {
      const endpoint = byRoute.get(`${route.method} ${route.url}`)
      // What is no endpoint is not described.
      const schema: FastifySchema = endpoint ? describeRequest(endpoint) : { hide: true }
      return { schema, url: describedPath(url) }
    },
    transformObject: (documents) => {
      const { paths } = ('openapiObject' in documents ? documents.openapiObject : {}) as { paths: Paths }
      const responses = Object.fromEntries(addAnswers(paths))
      const { components, ...frame } = frameOf(config)
      return nameSchemas({ ...frame, components: { ...components, responses }, paths })
    },
    openapi: {
      openapi: '3.1.0',
      info: { title: '', version: '' },
      components: { securitySchemes: SECURITY_SCHEMES },
    },
  })
  await server.register(swaggerUi, { routePrefix: '/docs', uiConfig: { docExpansion: 'none' } })
  serveDocument(server, 'openapi.json', () => server.swagger())
  serveDocument(server, 'asyncapi.json', () => asyncApi(config))
}

/** Serves a document that is made when it is first read, and then kept. */
function serveDocument(server: FastifyInstance, name: string, make: () => object): void {
  const load = once(async () => encode(name, JSON.stringify(make())))
  server.get(`/${name}`, async ({ headers }, response) =>
    send(response, answerWith(await load(), headers, { 'cache-control': 'no-cache' })),
  )
}
