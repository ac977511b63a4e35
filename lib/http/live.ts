import { Readable } from 'node:stream'
import websocket, { type WebSocket } from '@fastify/websocket'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { authorize, type LimitRate, type Presented } from '../access/authorize.ts'
import { checkOrigin } from '../access/browser.ts'
import type { Caller } from '../access/caller.ts'
import { openCounts } from '../counts.ts'
import { AppError } from '../errors.ts'
import type { Live } from '../function.ts'
import type { Connections } from '../live/connections.ts'
import type { LiveApp } from '../live/hub.ts'
import { limitTo } from '../live/session.ts'
import { exemptAddresses, MOST_OF_ADDRESS, networkOf } from './addresses.ts'
import type { Limits } from './limits.ts'
import { logRequest } from './log-request.ts'
import { answerOtherMethods } from './methods.ts'
import { refuseUnmigrated } from './mount.ts'
import { queryOf } from './query.ts'
import { Followed } from './schemas/requests.ts'
import { serveSocket } from './socket.ts'
import { EVENT_HEADERS, serveEvents } from './sse.ts'

/** Largest message of a client, in bytes; a larger one closes its socket with 1009. */
const MAX_PAYLOAD = 65_536

/** Lets routes that are mounted after it be sockets; a hook that comes before it would leave those open that it refuses. */
export async function acceptSockets(server: FastifyInstance): Promise<void> {
  await server.register(websocket, { options: { maxPayload: MAX_PAYLOAD } })
}

/** What addresses of event streams and of sockets take. */
const FOLLOWED = { query: Followed }
const WITHOUT_QUERY = {}

/** Mounts endpoints that go on talking: WebSocket on upgrade, else Server-Sent Events where the path says what of. */
export function mountLive(
  server: FastifyInstance,
  lives: readonly Live[],
  app: LiveApp,
  limits: Limits,
  connections: Connections,
): void {
  const isExempt = exemptAddresses(app.config.trustProxy)
  const byAddress = openCounts()
  /** Closes a socket that is one too many; the others count until they close. */
  const admit = (socket: WebSocket, address: string) => {
    if (isExempt(address)) return true
    const network = networkOf(address)
    const isAdmitted = byAddress.add(network) <= MOST_OF_ADDRESS
    socket.on('close', () => byAddress.remove(network))
    if (!isAdmitted) {
      socket.on('error', () => socket.terminate())
      socket.close(1008, 'The address has too many sockets')
    }
    return isAdmitted
  }
  const callers = new WeakMap<FastifyRequest, Caller>()
  /** Who sends a request; undefined where a browser may still say so: it sends the token of a socket as its first message. */
  const identifyCaller = async (request: FastifyRequest, access: Live['access'], limitRate: LimitRate) => {
    const mayCome = request.ws && request.headers.authorization === undefined
    try {
      return await authorize(app, { access }, credentialsOf(request), limitRate)
    } catch (error) {
      if (mayCome && error instanceof AppError && error.code === 'unauthorized') return undefined
      return refuseUnmigrated(app, error)
    }
  }
  for (const { path, access, tag, params, subscription } of lives) {
    const given = (request: FastifyRequest) =>
      subscription && { subscription: subscription(request.params as never), cursor: cursorOf(request) }
    server.route({
      method: 'GET',
      url: path,
      schema: {
        tags: [tag],
        querystring: queryOf(subscription ? FOLLOWED : WITHOUT_QUERY),
        ...(params && { params }),
      },
      onRequest: async (request, response) => {
        checkOrigin(app, request)
        const caller = await identifyCaller(request, access, limits.of(request, response))
        if (caller) callers.set(request, caller)
      },
      serializerCompiler: () => JSON.stringify,
      handler: async (request, response) => {
        const of = given(request)
        const caller = callers.get(request)
        if (of && caller) {
          const subscribed = limitTo(caller, of.subscription)
          // Whoever wants to know the headers alone follows nothing.
          if (request.method === 'HEAD') return response.headers(EVENT_HEADERS).send(Readable.from([]))
          request.raw.once('close', connections.enter(caller))
          logRequest(app, request, 200)
          return serveEvents(app, response, caller, { ...of, subscription: subscribed })
        }
        response.header('upgrade', 'websocket').header('connection', 'upgrade')
        throw new AppError('upgrade-required', 'This is a WebSocket')
      },
      wsHandler: (socket, request) => {
        logRequest(app, request, 101)
        if (!admit(socket, request.ip)) return
        const limitRate = limits.of(request)
        const caller = callers.get(request)
        return serveSocket(app, socket, { caller, access, given: given(request), limitRate, connections })
      },
    })
  }
  answerOtherMethods(
    server,
    lives.map(({ path }) => ({ method: 'GET', path })),
  )
}

/** The token of an event stream may stand in its address, since a browser sends no header for it; a key may not: it lasts. */
function credentialsOf({ headers, query, url, ws }: FastifyRequest): Presented {
  const { access_token, ...rest } = query as Record<string, unknown>
  const isToken = typeof access_token === 'string' && !access_token.startsWith('pp_')
  const isGiven = isToken && headers.authorization === undefined && !ws
  return {
    path: url,
    query: rest,
    headers: isGiven ? { ...headers, authorization: `Bearer ${access_token}` } : headers,
  }
}

/** `Last-Event-ID` is what a browser sends when it comes back, `after` what anyone can write. */
function cursorOf({ headers, query }: FastifyRequest): string | undefined {
  const { after } = query as { after?: unknown }
  const cursor = headers['last-event-id'] ?? after
  return typeof cursor === 'string' && cursor !== '' ? cursor : undefined
}
