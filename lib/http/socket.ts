import { setTimeout as delay } from 'node:timers/promises'
import type { WebSocket } from '@fastify/websocket'
import type { LiveApp } from '../live/hub.ts'
import { openRate } from '../live/rate.ts'
import { openSession } from '../live/session.ts'
import type { Subscription } from '../outbox/replay.ts'

/** What a client may send, and of that with a cursor. */
const MESSAGES = { most: 20, ms: 1_000 }
const REPLAYS = { most: 10, ms: 60_000 }

/** Bytes that may wait for a client before it is dropped. */
const MAX_BUFFERED = 1024 * 1024
const GOING_AWAY = 1001
const POLICY_VIOLATION = 1008
const TRY_AGAIN_LATER = 1013
/** Time in ms for a client to answer that its socket is closed. */
const CLOSE_TIMEOUT_MS = 2_000
const HEARTBEAT_MS = 30_000

/** Serves one socket until it closes; `given` is subscribed to at once. */
export function serveSocket(
  app: LiveApp,
  socket: WebSocket,
  given?: { subscription: Subscription; cursor: string | undefined },
): void {
  const send = (text: string) => {
    if (socket.readyState !== socket.OPEN) return
    if (socket.bufferedAmount > MAX_BUFFERED) return socket.close(TRY_AGAIN_LATER, 'The client is too slow')
    socket.send(text)
  }
  const ready = async () => {
    while (socket.readyState === socket.OPEN && socket.bufferedAmount > MAX_BUFFERED / 2) await delay(50)
  }
  const messages = openRate(MESSAGES)
  const replays = openRate(REPLAYS)
  const refuse = (reason: string) => socket.close(POLICY_VIOLATION, reason)
  const mayReplay = () => {
    const may = replays.take()
    if (!may) refuse(`More than ${REPLAYS.most} replays in a minute`)
    return may
  }
  const session = openSession(app, { send: ({ text }) => send(text), ready, mayReplay }, (value) =>
    send(JSON.stringify(value)),
  )
  /** Whether one more message is taken; a ping counts as one. */
  const mayGoOn = () => {
    if (socket.readyState !== socket.OPEN) return false
    const may = messages.take()
    if (!may) refuse(`More than ${MESSAGES.most} messages in a second`)
    return may
  }
  const stopHeartbeat = keepAlive(socket)
  const goAway = () => {
    socket.close(GOING_AWAY, 'The service is stopping')
    setTimeout(() => socket.terminate(), CLOSE_TIMEOUT_MS).unref()
  }
  app.hub.closing.addEventListener('abort', goAway)
  socket.on('message', (data: Buffer, isBinary: boolean) => {
    if (mayGoOn()) session.receive(isBinary ? '' : data.toString())
  })
  socket.on('ping', mayGoOn)
  socket.on('error', () => socket.terminate())
  socket.on('close', () => {
    app.hub.closing.removeEventListener('abort', goAway)
    stopHeartbeat()
    session.close()
  })
  if (app.hub.closing.aborted) goAway()
  else if (given) session.subscribe(given.subscription, given.cursor)
}

/** Ends a socket whose client has not answered a ping before the next. */
function keepAlive(socket: WebSocket): () => void {
  let alive = true
  socket.on('pong', () => {
    alive = true
  })
  const timer = setInterval(() => {
    if (!alive) return socket.terminate()
    alive = false
    socket.ping()
  }, HEARTBEAT_MS)
  timer.unref()
  return () => clearInterval(timer)
}
