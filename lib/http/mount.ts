import { hash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import { authorize } from '../access/authorize.ts'
import { checkOrigin } from '../access/browser.ts'
import { type Caller, NOBODY } from '../access/caller.ts'
import type { App } from '../app.ts'
import { isSchemaLacking } from '../db/errors.ts'
import { readSchema } from '../db/migrate.ts'
import { AppError } from '../errors.ts'
import { Answer, type AnyEndpoint, reply } from '../function.ts'
import { type Connections, openConnections } from '../live/connections.ts'
import type { LiveApp } from '../live/hub.ts'
import { openStay } from '../live/stay.ts'
import { acceptContent, readContent } from './content.ts'
import { readForm } from './form.ts'
import { answerOnce } from './idempotency.ts'
import { type Limits, openLimits } from './limits.ts'
import { answerOtherMethods } from './methods.ts'
import { SEND_FORM, SEND_JSON } from './problem.ts'
import { queryOf } from './query.ts'
import { KeyHeader } from './schemas/requests.ts'

/** A form may be as large as so many sources that are as large as they may be. */
const MOST_SOURCES = 20

/** Mounts endpoints as routes; the same objects serve HTTP here and API Gateway events in Lambda. */
export function mount(
  server: FastifyInstance,
  endpoints: readonly AnyEndpoint[],
  app: App & Partial<Pick<LiveApp, 'hub'>>,
  limits: Limits = openLimits(server, app),
  connections: Connections = openConnections(),
): void {
  const maxFormBytes = MOST_SOURCES * app.config.maxSourceBytes
  const callers = new WeakMap<FastifyRequest, Caller>()
  for (const endpoint of endpoints) {
    const { method, path, access, tag, params, body, form, content, handle } = endpoint
    const query = queryOf(endpoint)
    // A stranger who repeats a request must not hold a transaction while it is found out who sends it.
    const isRepeatable = body !== undefined && access !== 'public'
    const part = {
      ...(params && { params }),
      querystring: query,
      ...(body && { body }),
      ...(isRepeatable && { headers: KeyHeader }),
    }
    const route: RouteOptions = {
      method,
      url: path,
      config: { takesContent: content === true },
      schema: { tags: [tag], ...part },
      // Before the body is read: a stranger costs no more than his headers.
      onRequest: async (request, response) => {
        checkOrigin(app, request)
        const presented = {
          path: pathOf(request.url),
          query: request.query as Record<string, unknown>,
          headers: request.headers,
        }
        const authorizing = authorize(app, endpoint, presented, limits.of(request, response))
        callers.set(request, await authorizing.catch((error) => refuseUnmigrated(app, error)))
      },
      // Fastify would take JSON and forms everywhere.
      preParsing: async (request) => {
        const isForm = /^multipart\/form-data\b/i.test(request.headers['content-type'] ?? '')
        if (form ? !isForm : body && isForm)
          throw new AppError('unsupported-media-type', form ? SEND_FORM : SEND_JSON)
      },
      // Answers are typed; serialising by schema would drop what a schema does not name.
      serializerCompiler: () => JSON.stringify,
      handler: async (request, response) => {
        const { params, query, body, headers, method } = request
        const caller = callers.get(request) ?? NOBODY
        const limitRate = limits.of(request, response)
        const given = {
          params,
          query,
          body,
          headers,
          method,
          caller,
          limitRate,
          stay: openStay(app, { caller, raw: response.raw, connections }),
          form: readForm(request, maxFormBytes),
          content: Readable.from(content ? readContent(request) : []),
        }
        const traced = { ...app, trace: request.id }
        const work = async (app: App) => toAnswer(await handle(given as never, app, reply as never))
        const key = isRepeatable ? headers['idempotency-key'] : undefined
        const answering =
          typeof key === 'string'
            ? answerOnce(
                traced,
                { route: `${ownerOf(caller)}${method} ${fill(path, params)}`, key, body },
                work,
              )
            : work(traced)
        return send(response, await answering.catch((error) => refuseUnmigrated(app, error)))
      },
    }
    if (content) server.register(async (scope) => acceptContent(scope).route(route))
    else server.route(route)
  }
  answerOtherMethods(server, endpoints)
}

const pathOf = (url: string): string => url.split('?', 1)[0] ?? url

/** The path of what is named: the same change of another photo is another request. */
const fill = (path: string, params: unknown): string =>
  path.replace(/:(\w+)/g, (_, name: string) => String((params as Record<string, unknown>)[name]))

/** Callers of other projects, or who may upload less, have answers of their own under a key. */
const ownerOf = ({ projects, maxBytes }: Caller) =>
  (projects === '*' ? '' : `${hash('sha256', [...projects].sort().join())} `) +
  (maxBytes === undefined ? '' : `${maxBytes} bytes `)

/** Throws the error again, or, where the database only lacks a migration as yet, that it cannot be used now. */
export async function refuseUnmigrated({ db }: App, error: unknown): Promise<never> {
  if (!isSchemaLacking(error) || (await readSchema(db)).missing === 0) throw error
  throw new AppError('database-unavailable', 'The database is not migrated yet; try again', { cause: error })
}

/** A bare return is the body of a 200. */
const toAnswer = (answer: unknown): Answer => (answer instanceof Answer ? answer : new Answer(200, answer))

/** Sends what an endpoint answers. */
export function send(response: FastifyReply, answer: Answer): FastifyReply {
  const { vary, ...headers } = answer.headers
  if (vary !== undefined) addToVary(response, String(vary))
  response.code(answer.status).headers(headers)
  return response.send(answer.body ?? undefined)
}

/** Leaves what it varies by already: the origin. */
function addToVary(response: FastifyReply, header: string): void {
  const known = response.getHeader('vary')
  response.header('vary', known === undefined ? header : `${known}, ${header}`)
}
