import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import helmet from '@fastify/helmet'
import fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify'
import type { App } from '../app.ts'
import { AppError } from '../errors.ts'
import { continueTrace, traceFields } from '../trace.ts'
import { exemptAddresses } from './addresses.ts'
import { limitConnections } from './connections.ts'
import { allowOrigins, readableBy } from './cors.ts'
import { logRequest } from './log-request.ts'
import { limitBodyTime, limitRest } from './pace.ts'
import { problemOf, retryAfterOf } from './problem.ts'
import { validatorCompiler } from './validate.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** A body of any size, which is read as it comes. */
    takesContent?: boolean
  }
}

/** Largest JSON body: 10,000 uuids are 0.4 MB, 1,000 URLs of 4,000 characters 4 MB. */
const BODY_LIMIT = 4 * 1024 * 1024

/** For how long a browser uses https only, in s: a year. */
const HSTS_S = 31_536_000

/** Longest wait for the headers of a request, in ms, and how often connections are looked at. */
const HEADERS = { headersTimeout: 10_000, connectionsCheckingInterval: 1_000 }

/** A Fastify server without routes: how it validates, how it answers errors. */
export function openServer(app: Pick<App, 'config' | 'log' | 'metrics' | 'stopping'>): FastifyInstance {
  const { maxConnections, trustProxy, publicUrl, corsOrigins } = app.config
  const server = fastify({
    loggerInstance: app.log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_LIMIT,
    forceCloseConnections: true,
    http: HEADERS,
    trustProxy: trustProxy.length > 0 && [...trustProxy],
    genReqId: ({ headers }) => continueTrace(headers.traceparent),
    childLoggerFactory: (log, { reqId }) => log.child(traceFields(reqId)),
    frameworkErrors: (error, request, response) =>
      refuse(error, request, response.headers(readableBy(corsOrigins, request))),
    clientErrorHandler: refuseRaw,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 512 },
  })
  server.setValidatorCompiler(validatorCompiler)
  server.removeContentTypeParser('text/plain')
  acceptNothing(server)
  // Whoever reports a refusal names what finds its lines in the log.
  server.addHook('onRequest', async ({ id }, response) => {
    response.header('x-request-id', traceFields(id).trace_id)
  })
  server.addHook('onResponse', async (request, { statusCode, elapsedTime }) =>
    logRequest(app, request, statusCode, elapsedTime),
  )
  // First, so that what others refuse can be read.
  allowOrigins(server, corsOrigins)
  // Plain HTTP is what runs here: TLS is for what stands before it.
  server.register(helmet, {
    contentSecurityPolicy: { directives: { 'upgrade-insecure-requests': null } },
    strictTransportSecurity: publicUrl.startsWith('https:') && { maxAge: HSTS_S },
  })
  server.after(() => limitConnections(server, maxConnections, exemptAddresses(trustProxy)))
  server.addHook('preParsing', async (request) => {
    const isUpload =
      request.routeOptions.config.takesContent || /^multipart\//i.test(request.headers['content-type'] ?? '')
    if (!isUpload) limitBodyTime(request.raw)
  })
  server.addHook('onResponse', async ({ raw }) => limitRest(raw))
  // A client that keeps its connection would send its next request to a process that is about to end.
  server.addHook('onSend', async (_request, response) => {
    if (app.stopping.aborted) response.header('connection', 'close')
  })
  server.setErrorHandler(refuse)
  server.setNotFoundHandler((request, response) =>
    refuse(new AppError('not-found', 'Nothing has this path'), request, response),
  )
  return server
}

/** Takes nothing for JSON where an endpoint has no body: clients name the type whether they send something or not. */
function acceptNothing(server: FastifyInstance): void {
  const parse = server.getDefaultJsonParser('error', 'error')
  server.addContentTypeParser('application/json', { parseAs: 'string' }, (request, text: string, done) => {
    if (text === '' && !request.routeOptions.schema?.body) done(null)
    else parse(request, text, done)
  })
}

function refuse(error: unknown, request: FastifyRequest, response: FastifyReply): void {
  const problem = problemOf(error)
  if (problem.status >= 500)
    request.log.error({ err: error, url: request.routeOptions.url }, 'request failed')
  const retryAfter = retryAfterOf(error, problem)
  if (retryAfter !== undefined) response.header('retry-after', retryAfter)
  if (problem.status === 401) response.header('www-authenticate', 'Bearer')
  // What is left of the request may never come.
  if (problem.status === 408 || problem.code === 'too-many-connections')
    response.header('connection', 'close')
  response.code(problem.status).type('application/problem+json').send(problem)
}

/** Answers what is no HTTP request. */
function refuseRaw({ code }: NodeJS.ErrnoException, socket: Socket): void {
  if (code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
  const status = code === 'HPE_HEADER_OVERFLOW' ? 431 : code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400
  const body = JSON.stringify(problemOf({ statusCode: status }))
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/problem+json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
}
