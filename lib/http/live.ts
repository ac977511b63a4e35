import websocket, { type WebSocket } from '@fastify/websocket'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { AppError } from '../errors.ts'
import type { Live } from '../function.ts'
import type { LiveApp } from '../live/hub.ts'
import { exemptAddresses, MOST_OF_ADDRESS, openCounts } from './addresses.ts'
import { logRequest } from './log-request.ts'
import { Problem } from './schemas.ts'
import { serveSocket } from './socket.ts'
import { serveEvents } from './sse.ts'

/** Largest message of a client, in bytes; a larger one closes its socket with 1009. */
const MAX_PAYLOAD = 65_536

const EVENTS = {
  200: {
    description: 'Server-Sent Events whose data are CloudEvents',
    content: { 'text/event-stream': { schema: { type: 'string' } } },
  },
}
const UPGRADE = {
  426: { description: 'Refused', content: { 'application/problem+json': { schema: Problem } } },
}

/** Mounts endpoints that go on talking: WebSocket on upgrade, else Server-Sent Events where the path says what of. */
export async function mountLive(
  server: FastifyInstance,
  lives: readonly Live[],
  app: LiveApp,
): Promise<void> {
  const isExempt = exemptAddresses(app.config.trustProxy)
  const byAddress = openCounts()
  /** Closes a socket that is one too many; the others count until they close. */
  const admit = (socket: WebSocket, address: string) => {
    if (isExempt(address)) return true
    const isAdmitted = byAddress.add(address) <= MOST_OF_ADDRESS
    socket.on('close', () => byAddress.remove(address))
    if (!isAdmitted) {
      socket.on('error', () => socket.terminate())
      socket.close(1008, 'The address has too many sockets')
    }
    return isAdmitted
  }
  await server.register(websocket, { options: { maxPayload: MAX_PAYLOAD } })
  for (const { path, summary, tag, params, subscription } of lives) {
    const given = (request: FastifyRequest) =>
      subscription && { subscription: subscription(request.params as never), cursor: cursorOf(request) }
    server.route({
      method: 'GET',
      url: path,
      schema: { summary, tags: [tag], ...(params && { params }), response: subscription ? EVENTS : UPGRADE },
      handler: async (request, response) => {
        const of = given(request)
        if (of) {
          logRequest(app, request, 200)
          return serveEvents(app, response, of.subscription, of.cursor)
        }
        response.header('upgrade', 'websocket').header('connection', 'upgrade')
        throw new AppError('upgrade-required', 'This is a WebSocket')
      },
      wsHandler: (socket, request) => {
        logRequest(app, request, 101)
        if (!admit(socket, request.ip)) return
        return serveSocket(app, socket, given(request))
      },
    })
  }
}

/** `Last-Event-ID` is what a browser sends when it comes back, `after` what anyone can write. */
function cursorOf({ headers, query }: FastifyRequest): string | undefined {
  const { after } = query as { after?: unknown }
  const cursor = headers['last-event-id'] ?? after
  return typeof cursor === 'string' && cursor !== '' ? cursor : undefined
}
