import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance, FastifySchema } from 'fastify'
import { ERROR_CODES } from '../../errors.ts'
import type { AnyEndpoint, Live } from '../../function.ts'
import { nameSchemas } from './components.ts'
import { describeEndpoint, describeLive } from './operations.ts'

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

/** Describes what is mounted after it at `/openapi.json`, readable at `/docs`. */
export async function describeService(
  server: FastifyInstance,
  endpoints: readonly AnyEndpoint[],
  lives: readonly Live[],
): Promise<void> {
  const described = new Map<string, () => FastifySchema>([
    ...endpoints.map((one) => [`${one.method} ${one.path}`, () => describeEndpoint(one)] as const),
    ...lives.map((one) => [`GET ${one.path}`, () => describeLive(one)] as const),
  ])
  await server.register(swagger, {
    // What is no endpoint is not described.
    transform: ({ url, route }) => ({
      schema: described.get(`${route.method} ${route.url}`)?.() ?? { hide: true },
      url,
    }),
    transformObject: (documents) => nameSchemas('openapiObject' in documents ? documents.openapiObject : {}),
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Photo processor', description: DESCRIPTION, version: '1' },
    },
  })
  await server.register(swaggerUi, { routePrefix: '/docs' })
  server.get('/openapi.json', async () => server.swagger())
}
