import { uuidv7 } from 'uuidv7'
import type { App } from '../app.ts'
import type { CloudEvent } from '../outbox/event.ts'
import { missedEvents, type Subscription } from '../outbox/replay.ts'
import type { Consumer } from '../queue/port.ts'

/** An event for subscribers; `subject` is the photo's uuid, `text` the CloudEvent as JSON, made once for all of them. */
export type LiveEvent = { id: string; subject: string | null; text: string }

type Listener = (event: LiveEvent) => void

/** Gives each event of the service to those of this process who subscribed to it. */
export type Hub = {
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

/** Opens the hub; events that this process may have missed while it could not listen come from the database. */
export function openHub(app: App): Hub {
  const listeners = new Map<string, Set<Listener>>()
  const known = new Set<string>()
  const closing = new AbortController()
  let last = uuidv7()

  const deliver = (event: CloudEvent) => {
    if (known.has(event.id)) return
    known.add(event.id)
    if (known.size > KNOWN) known.delete(known.values().next().value ?? '')
    if (event.id > last) last = event.id
    const live = { id: event.id, subject: event.subject, text: JSON.stringify(event) }
    for (const key of keysOf(event)) for (const listener of listeners.get(key) ?? []) listener(live)
  }

  const catchUp = async () => {
    for await (const events of missedEvents(app.db, { kind: 'all' }, last))
      for (const event of events) deliver(event)
  }

  const listening: Promise<Consumer | undefined> = app.queue
    .listen(
      (body) => deliver(JSON.parse(Buffer.from(body).toString()) as CloudEvent),
      () => catchUp().catch((error: Error) => app.log.warn({ err: error }, 'missed events not read')),
    )
    .catch(() => undefined)

  return {
    subscribe(subscription, listener) {
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
