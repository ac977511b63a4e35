import { AppError } from '../errors.ts'
import { isReplayable, type Subscription } from '../outbox/replay.ts'
import { parseUuid } from '../uuid.ts'
import { follow, type Sink } from './follow.ts'
import type { LiveApp } from './hub.ts'

/** Subscriptions of one socket. */
const MAX_SUBSCRIPTIONS = 100

/** The session of a socket; docs/api.md describes the protocol. */
export type Session = {
  /** Takes one message as text. */
  receive(text: string): void
  subscribe(subscription: Subscription, cursor?: string): void
  close(): void
}

/** Opens the session of one socket; `answer` sends JSON to its client. */
export function openSession(
  app: LiveApp,
  sink: Sink & { mayReplay(): boolean },
  answer: (value: object) => void,
): Session {
  const open = new Map<string, AbortController>()

  const subscribe = (subscription: Subscription, cursor?: string) => {
    const name = nameOf(subscription)
    const key = String(name)
    if (!open.has(key) && open.size >= MAX_SUBSCRIPTIONS)
      throw new AppError('too-many-subscriptions', `A socket may have ${MAX_SUBSCRIPTIONS} subscriptions`)
    const replayable = cursor === undefined ? undefined : isReplayable(cursor)
    if (cursor !== undefined && replayable === undefined)
      throw new AppError('invalid-cursor', '"after" must be the id of an event')
    if (replayable && !sink.mayReplay()) return
    open.get(key)?.abort()
    const ending = new AbortController()
    open.set(key, ending)
    // Too old to be replayed: the client reads the state anew, and gets what comes.
    answer(replayable === false ? { subscribed: name, reset: true } : { subscribed: name })
    void follow(app, subscription, replayable ? cursor : undefined, sink, ending.signal)
  }

  const receive = (text: string) => {
    const message = parse(text)
    const subscription = parseSubscription(message.subscribe ?? message.unsubscribe)
    if (message.subscribe !== undefined) return subscribe(subscription, parseCursor(message.after))
    const name = nameOf(subscription)
    open.get(String(name))?.abort()
    open.delete(String(name))
    answer({ unsubscribed: name })
  }

  /** What is wrong with a message is said, and the socket goes on. */
  const guard = (act: () => void) => {
    try {
      act()
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      answer(problem(error))
    }
  }

  return {
    receive: (text) => guard(() => receive(text)),
    subscribe: (subscription, cursor) => guard(() => subscribe(subscription, cursor)),
    close() {
      for (const ending of open.values()) ending.abort()
      open.clear()
    },
  }
}

type ClientMessage = { subscribe?: unknown; unsubscribe?: unknown; after?: unknown }

function parse(text: string): ClientMessage {
  let message: unknown
  try {
    message = JSON.parse(text)
  } catch {
    throw new AppError('malformed-json', 'The message is not JSON')
  }
  const { subscribe, unsubscribe } = (message ?? {}) as ClientMessage
  if ((subscribe === undefined) === (unsubscribe === undefined))
    throw new AppError('unknown-message', 'A message is {"subscribe": …} or {"unsubscribe": …}')
  return message as ClientMessage
}

function parseSubscription(value: unknown): Subscription {
  if (value === 'all') return { kind: 'all' }
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 1)
    return { kind: 'project', id: value }
  const uuid = typeof value === 'string' ? parseUuid(value) : undefined
  if (uuid) return { kind: 'photo', uuid }
  throw new AppError('invalid-subscription', 'Subscribe to a project id, the uuid of a photo, or "all"')
}

function parseCursor(value: unknown): string | undefined {
  if (value === undefined || typeof value === 'string') return value
  throw new AppError('invalid-cursor', '"after" must be the id of an event')
}

/** A subscription as the client names it. */
function nameOf(subscription: Subscription): string | number {
  if (subscription.kind === 'project') return subscription.id
  return subscription.kind === 'photo' ? subscription.uuid : 'all'
}

const problem = ({ code, message }: AppError) => ({ error: { code, message } })
