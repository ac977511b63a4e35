import type { FastifyInstance } from 'fastify'
import { AppError } from '../errors.ts'

/** What paths may have, in the order in which `Allow` names them. */
export const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const

/** The methods of a path that has routes for some: what has GET has HEAD, and everything has OPTIONS. */
const allowed = (routes: ReadonlySet<string>): string[] =>
  METHODS.filter(
    (method) => method === 'OPTIONS' || routes.has(method) || (method === 'HEAD' && routes.has('GET')),
  )

/**
 * Answers the methods that no route has at the path of one: OPTIONS with 204, any other with `method-not-allowed`, both with
 * `Allow`. Credentials do not matter: what methods there are is no secret, and the answer costs nothing. No body is read.
 */
export function answerOtherMethods(
  server: FastifyInstance,
  routes: readonly { method: string; path: string }[],
): void {
  for (const [url, ofPath] of Map.groupBy(routes, ({ path }) => path)) {
    const methods = allowed(new Set(ofPath.map(({ method }) => method)))
    const allow = methods.join(', ')
    server.route({
      method: server.supportedMethods.filter((method) => method === 'OPTIONS' || !methods.includes(method)),
      url,
      schema: { hide: true },
      onRequest: async ({ method }, response) => {
        response.header('allow', allow)
        if (method === 'OPTIONS') return response.code(204).send()
        throw new AppError('method-not-allowed', `This address takes ${allow}`)
      },
      // The hook has answered.
      handler: () => {},
    })
  }
}
