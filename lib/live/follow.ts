import { maySee } from '../access/caller.ts'
import type { CloudEvent } from '../outbox/event.ts'
import type { Subscription } from '../outbox/replay.ts'
import { type LiveApp, type LiveEvent, toLiveEvent } from './hub.ts'
import { readMissed } from './missed.ts'

/** Where events go; `ready` resolves when the client has taken most of what it was sent. */
export type Sink = { send(event: LiveEvent): void; ready(): Promise<void> }

/**
 * Sends the events of a subscription until `signal` aborts: with a cursor first those since, tried until it has succeeded, then
 * as they come. Subscribes before it replays, so that nothing falls in between. Resolves when the replay is done.
 */
export async function follow(
  app: Pick<LiveApp, 'access' | 'db' | 'hub' | 'log'>,
  subscription: Subscription,
  cursor: string | undefined,
  sink: Sink,
  signal: AbortSignal,
): Promise<void> {
  let buffered: LiveEvent[] | undefined = cursor === undefined ? undefined : []
  const end = app.hub.subscribe(subscription, (event) => {
    if (!maySee(subscription.projects ?? '*', event.project)) return
    if (buffered) buffered.push(event)
    else sink.send(event)
  })
  if (signal.aborted) return end()
  signal.addEventListener('abort', end)
  if (cursor === undefined) return
  const sent = new Set<string>()
  const send = (event: LiveEvent) => {
    if (sent.has(event.id)) return
    sent.add(event.id)
    sink.send(event)
  }
  const take = (event: CloudEvent) => send(toLiveEvent(event))
  await readMissed(app, { subscription, since: () => cursor, take, ready: sink.ready }, signal)
  if (!signal.aborted) buffered?.forEach(send)
  buffered = undefined
}
