import type { App } from '../app.ts'
import { type CloudEvent, signEvent } from '../outbox/event.ts'
import { parseEventId } from '../outbox/message.ts'

import { findEvents, type Subscription } from '../outbox/replay.ts'
import type { Consumer } from '../queue/port.ts'
import { readMissed } from './missed.ts'

/** An event for subscribers; `subject` is the photo's uuid, `text` the CloudEvent as JSON, made once for all of them. */
export type LiveEvent = { id: string; subject: string | null; project: number | null; text: string }

type Listener = (event: LiveEvent) => void

/** Gives each event of the service to those of this process who subscribed to it. */
type Hub = {
  /** Returns how to end it. */
  subscribe(subscription: Subscription, listener: Listener): () => void
  /** Aborts when the hub is closed: whoever is connected is to go, and to come back elsewhere or later. */
  closing: AbortSignal
  close(): Promise<void>
}

/** What endpoints that go on talking may use besides. */
export type LiveApp = App & { hub: Hub }

/** Ids of delivered events that are remembered, so that a replay after a gap repeats few. */
const KNOWN = 10_000

/** How long after its end a gap is noticed at the latest, in ms. */
const SETTLED_MS = 5_000

export const toLiveEvent = (event: CloudEvent): LiveEvent => ({
  id: event.id,
  subject: event.subject,
  project: event.data?.project_id ?? null,
  text: JSON.stringify(event),
})

/** Opens the hub; events that this process may have missed while it could not listen come from the database. */
export function openHub(app: App): Hub {
  const listeners = new Map<string, Set<Listener>>()
  const known = new Set<string>()
  const closing = new AbortController()
  /** Since when somebody is subscribed: what happened before, nobody here can have missed. */
  let followed = performance.now()
  let heard = lastHeard()

  const deliver = (event: CloudEvent) => {
    if (known.has(event.id)) return
    known.add(event.id)
    if (known.size > KNOWN) known.delete(known.values().next().value ?? '')
    const live = toLiveEvent(event)
    for (const key of keysOf(event)) for (const listener of listeners.get(key) ?? []) listener(live)
  }

  const catchUp = async (from: string | undefined) => {
    let end = from
    const since = () => from ?? { ageMs: Math.ceil(performance.now() - followed) }
    const take = (event: CloudEvent) => {
      deliver(event)
      end = event.id
    }
    await readMissed(app, { subscription: { kind: 'all' }, since, take }, closing.signal)
    heard.replace(from, end)
  }

  let catchingUp = Promise.resolve()
  let gaps = 0
  const onGap = () => {
    if (listeners.size === 0) return
    // One that waits until another is read begins before this one.
    if (gaps > 1) return
    gaps++
    const from = heard.before()
    catchingUp = catchingUp.then(() => catchUp(from)).finally(() => gaps--)
  }

  /** Ids of events that were heard of and not read yet, in their order. */
  let unread: string[] = []
  let reading = false

  /** Reads the events that were heard of, many at once: anybody may publish to the exchange, so the rows count. */
  const readHeard = async () => {
    if (reading) return
    reading = true
    try {
      while (unread.length > 0) {
        const ids = unread
        unread = []
        const events = await findEvents(app.db, ids)
        const sign = await app.access.links.signer()
        for (const id of ids) {
          const event = events.get(id)
          if (!event) continue
          heard.add(id)
          deliver(signEvent(event, sign))
        }
      }
    } catch (error) {
      app.log.warn({ err: error }, 'events not read, trying again')
      onGap()
    } finally {
      reading = false
    }
  }

  const hear = (body: Uint8Array) => {
    const id = parseEventId(body)
    // In the callback of the broker's library, what is thrown ends its connection.
    if (id === undefined)
      return app.log.warn({ bytes: body.length }, 'a message that is no event of a photo is ignored')
    if (known.has(id) || listeners.size === 0) return
    unread.push(id)
    void readHeard()
  }

  const listening: Promise<Consumer | undefined> = app.queue.listen(hear, onGap).catch(() => undefined)

  return {
    subscribe(subscription, listener) {
      if (listeners.size === 0) {
        followed = performance.now()
        heard = lastHeard()
      }
      const key = keyOf(subscription)
      const known = listeners.get(key) ?? new Set()
      listeners.set(key, known.add(listener))
      return () => {
        known.delete(listener)
        if (known.size === 0 && listeners.get(key) === known) listeners.delete(key)
      }
    },
    closing: closing.signal,
    async close() {
      closing.abort()
      await (await listening)?.stop()
    },
  }
}

/**
 * The event from which a replay after a gap starts: not the last one that came, which may have come after the gap, a moment before
 * that was noticed.
 */
function lastHeard() {
  let before: string | undefined
  let last: string | undefined
  let since = Number.NEGATIVE_INFINITY
  return {
    add(id: string) {
      const now = performance.now()
      if (now - since > SETTLED_MS) {
        before = last
        since = now
      }
      last = id
    },
    before: () => before,
    /** All that came before a later event is known by now. */
    replace(from: string | undefined, id: string | undefined) {
      if (before === from) before = id
    },
  }
}

function keyOf(subscription: Subscription): string {
  if (subscription.kind === 'project') return `project ${subscription.id}`
  return subscription.kind === 'photo' ? `photo ${subscription.uuid}` : 'all'
}

function keysOf({ subject, data }: CloudEvent): string[] {
  const keys = ['all']
  if (subject !== null) keys.push(keyOf({ kind: 'photo', uuid: subject }))
  if (data?.project_id) keys.push(keyOf({ kind: 'project', id: data.project_id }))
  return keys
}
