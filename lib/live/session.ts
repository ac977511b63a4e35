import { unauthorized } from '../access/authorize.ts'
import { type Caller, maySee } from '../access/caller.ts'
import { AppError, notFound } from '../errors.ts'
import { isReplayable, type Subscription } from '../outbox/replay.ts'
import { parseProjectId } from '../project-id.ts'
import { parseUuid } from '../uuid.ts'
import { follow, type Sink } from './follow.ts'
import type { LiveApp } from './hub.ts'

/** Subscriptions of one socket. */
const MAX_SUBSCRIPTIONS = 100

/** The session of a socket; docs/api.md describes the protocol. */
type Session = {
  /** Takes one message as text. */
  receive(text: string): void
  /** Lets a caller in, who is known without a token. */
  enter(caller: Caller): void
  close(): void
}

type Client = {
  /** Sends JSON. */
  answer(value: object): void
  /** Says what is wrong with a message. */
  complain(error: unknown): void
  /** Who a token belongs to; throws `unauthorized`. */
  admit(token: string): Promise<Caller>
  /** Whether one more replay is begun; the socket is closed where not. */
  mayReplay(): boolean
  /** What is subscribed to as soon as the caller is known. */
  given: { subscription: Subscription; cursor: string | undefined } | undefined
}

/** Opens the session of one socket: what its client sends is handled in turn. */
export function openSession(
  app: LiveApp,
  sink: Sink,
  { answer, complain, admit, mayReplay, given }: Client,
): Session {
  const open = new Map<string, AbortController>()
  let caller: Caller | undefined
  let turn = Promise.resolve()
  let isClosed = false

  const subscribe = (wanted: Subscription, cursor?: string, name = nameOf(wanted)) => {
    // Its client went while a message before this one was handled: nobody would end it.
    if (isClosed) return
    if (!caller) throw unauthorized()
    const subscription = limitTo(caller, wanted)
    const key = String(nameOf(subscription))
    if (!open.has(key) && open.size >= MAX_SUBSCRIPTIONS)
      throw new AppError('too-many-subscriptions', `A socket may have ${MAX_SUBSCRIPTIONS} subscriptions`)
    const replayable = cursor === undefined ? undefined : isReplayable(cursor)
    if (cursor !== undefined && replayable === undefined)
      throw new AppError('invalid-cursor', '"after" must be the id of an event')
    if (replayable && !mayReplay()) return
    open.get(key)?.abort()
    const ending = new AbortController()
    open.set(key, ending)
    // Too old to be replayed: the client reads the state anew, and gets what comes.
    answer(replayable === false ? { subscribed: name, reset: true } : { subscribed: name })
    void follow(app, subscription, replayable ? cursor : undefined, sink, ending.signal)
  }

  const enter = (known: Caller) => {
    const isFirst = caller === undefined
    caller = known
    if (isFirst && given) subscribe(given.subscription, given.cursor)
  }

  const receive = async (text: string) => {
    const message = parse(text)
    if (message.token !== undefined) {
      const known = await admit(parseToken(message.token))
      answer({ authorized: true })
      return enter(known)
    }
    const given = message.subscribe ?? message.unsubscribe
    const subscription = parseSubscription(given)
    const key = String(nameOf(subscription))
    // A client that names a project by a text looks for that text in the answer.
    const name = subscription.kind === 'project' ? (given as string | number) : key
    if (message.subscribe !== undefined) return subscribe(subscription, parseCursor(message.after), name)
    open.get(key)?.abort()
    open.delete(key)
    answer({ unsubscribed: name })
  }

  /** What is wrong with a message is said, and the socket goes on. */
  const guard = (act: () => Promise<void> | void) => {
    turn = turn.then(act).catch(complain)
  }

  return {
    receive: (text) => guard(() => receive(text)),
    enter: (known) => guard(() => enter(known)),
    close() {
      isClosed = true
      for (const ending of open.values()) ending.abort()
      open.clear()
    },
  }
}

type ClientMessage = { subscribe?: unknown; unsubscribe?: unknown; after?: unknown; token?: unknown }

function parse(text: string): ClientMessage {
  let message: unknown
  try {
    message = JSON.parse(text)
  } catch {
    throw new AppError('malformed-json', 'The message is not JSON')
  }
  const { subscribe, unsubscribe, token } = (message ?? {}) as ClientMessage
  if (token === undefined && (subscribe === undefined) === (unsubscribe === undefined))
    throw new AppError('unknown-message', 'A message is {"subscribe": …} or {"unsubscribe": …}')
  return message as ClientMessage
}

function parseToken(value: unknown): string {
  if (typeof value === 'string') return value
  throw new AppError('unknown-message', 'A token is a text')
}

/** A subscription to what a caller may see; throws `not-found` for a project that is not the caller's. */
export function limitTo({ projects }: Caller, subscription: Subscription): Subscription {
  if (projects === '*') return subscription
  if (subscription.kind === 'project' && !maySee(projects, subscription.id)) throw notFound('Project')
  return { ...subscription, projects }
}

function parseSubscription(value: unknown): Subscription {
  if (value === 'all') return { kind: 'all' }
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 1)
    return { kind: 'project', id: value }
  const text = typeof value === 'string' ? value : ''
  const [uuid, id] = [parseUuid(text), parseProjectId(text)]
  if (uuid) return { kind: 'photo', uuid }
  if (id) return { kind: 'project', id }
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
