import { once } from 'node:events'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import net, { type Socket } from 'node:net'
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises'

/** Turns of the event loop without a new connection after which none waits: it takes over one a turn. */
const QUIET_TURNS = 3
/** Longest that this is waited for, in ms. */
const TAKE_OVER_MS = 1_000
/** After the server has stopped listening, open connections are served for so long, in ms: a request may be under way. */
const LINGER_MS = 1_000
/** From then on connections that have no request are ended so often, in ms. */
const CHECK_MS = 100

/**
 * Returns how to drain a server: it stops listening, and resolves when every request is answered and every connection ended.
 * None is reset, as Node's `close` does with a connection that seems idle while its next request is under way.
 */
export function openDrain(server: Server): () => Promise<void> {
  const sockets = new Set<Socket>()
  let connections = 0
  server.on('connection', (socket: Socket) => {
    connections++
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  const requests = holdRequests(server)

  /** Takes over the connections that the system has accepted: what waits in the listening socket is reset with it. */
  const takeOver = async () => {
    const deadline = performance.now() + TAKE_OVER_MS
    for (let quiet = 0; quiet < QUIET_TURNS && performance.now() < deadline; ) {
      const before = connections
      await turn()
      quiet = connections === before ? quiet + 1 : 0
    }
  }
  const endIdle = () => {
    server.closeIdleConnections()
    // To Node a connection is busy until its first request has come.
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy()
  }
  return async () => {
    if (!server.listening) return
    const ended = once(server, 'close')
    // Who is answered comes back with a new connection.
    requests.hold()
    await takeOver()
    net.Server.prototype.close.call(server)
    requests.release()
    await Promise.race([ended, delay(LINGER_MS)])
    const ending = setInterval(endIdle, CHECK_MS)
    await ended
    clearInterval(ending)
  }
}

/** Lets the requests of a server wait between `hold` and `release`. */
function holdRequests(server: Server) {
  let held: (() => void)[] | undefined
  const listeners = server.listeners('request')
  server.removeAllListeners('request')
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const handle = () => {
      for (const listener of listeners) listener.call(server, request, response)
    }
    if (held) held.push(handle)
    else handle()
  })
  return {
    hold() {
      held = []
    },
    release() {
      const waiting = held ?? []
      held = undefined
      for (const handle of waiting) handle()
    },
  }
}
