import { setTimeout as delay } from 'node:timers/promises'
import type { WebSocket } from '@fastify/websocket'
import { identifyText, isKnownText, type LimitRate } from '../access/authorize.ts'
import { type Access, type Caller, mayDo } from '../access/caller.ts'
import { watchCaller } from '../access/watch.ts'
import { AppError } from '../errors.ts'
import type { Connections } from '../live/connections.ts'
import type { LiveApp } from '../live/hub.ts'
import { openRate } from '../live/rate.ts'
import { openSession } from '../live/session.ts'
import type { Subscription } from '../outbox/replay.ts'
import { refuseUnmigrated } from './mount.ts'
import { problemOf } from './problem.ts'

/** What a client may send, and of that with a cursor. */
const MESSAGES = { most: 20, ms: 1_000 }
const REPLAYS = { most: 10, ms: 60_000 }

/** Bytes that may wait for a client before it is dropped. */
const MAX_BUFFERED = 1024 * 1024
const GOING_AWAY = 1001
const POLICY_VIOLATION = 1008
const TRY_AGAIN_LATER = 1013
/** How long a client has to send its token, in ms. */
const TOKEN_TIMEOUT_MS = 5_000
/** Time in ms for a client to answer that its socket is closed. */
const CLOSE_TIMEOUT_MS = 2_000
const HEARTBEAT_MS = 30_000

/** Who opened a socket, undefined: a token must come first; and what it is subscribed to at once. */
type Opened = {
  caller: Caller | undefined
  access: Access
  given: { subscription: Subscription; cursor: string | undefined } | undefined
  limitRate: LimitRate
  connections: Connections
}

/** Serves one socket until it closes, or its credential ends. */
export function serveSocket(app: LiveApp, socket: WebSocket, opened: Opened): void {
  const { caller, access, given, limitRate, connections } = opened
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
  const refuse = (why: string) => socket.close(POLICY_VIOLATION, why)
  const mayReplay = () => {
    const may = replays.take()
    if (!may) refuse(`More than ${REPLAYS.most} replays in a minute`)
    return may
  }
  let stopWatching = () => {}
  let entered: Caller | undefined
  let leave = () => {}
  const admit = async (token: string) => {
    try {
      const known = await limitRate(() => identifyText(app, token), isKnownText(app, token))
      if (!known || !mayDo(known, access)) throw new AppError('unauthorized', 'The token is not valid')
      if (entered && String(entered.projects) !== String(known.projects))
        throw new AppError('unauthorized', 'A later token must be for the same projects')
      return enter(known)
    } catch (error) {
      if (error instanceof AppError) refuse(error.message)
      return refuseUnmigrated(app, error)
    }
  }
  const enter = (known: Caller) => {
    clearTimeout(patience)
    stopWatching()
    entered = known
    leave()
    // Its client went meanwhile: nobody would leave for it.
    if (socket.readyState !== socket.OPEN) return known
    leave = connections.enter(known)
    stopWatching = watchCaller(app, known, () => refuse('The token has ended'))
    return known
  }
  const patience = setTimeout(() => refuse('No token came'), TOKEN_TIMEOUT_MS)
  patience.unref()
  const answer = (value: object) => send(JSON.stringify(value))
  const complain = (error: unknown) => {
    const { code, status, detail } = problemOf(error)
    if (status >= 500) app.log.error({ err: error }, 'message of a socket failed')
    answer({ error: { code, message: detail } })
  }
  const client = { answer, complain, admit, mayReplay, given }
  const session = openSession(app, { send: ({ text }) => send(text), ready }, client)
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
    clearTimeout(patience)
    stopWatching()
    leave()
    stopHeartbeat()
    session.close()
  })
  const begin = (known: Caller) => {
    try {
      session.enter(enter(known))
    } catch (error) {
      refuse((error as Error).message)
    }
  }
  if (app.hub.closing.aborted) goAway()
  else if (caller) begin(caller)
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
