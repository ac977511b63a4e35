import { missedEvents, type Subscription } from '../outbox/replay.ts'
import type { LiveApp, LiveEvent } from './hub.ts'

/** Where events go; `ready` resolves when the client has taken most of what it was sent. */
export type Sink = { send(event: LiveEvent): void; ready(): Promise<void> }

/**
 * Sends the events of a subscription until `signal` aborts: with a cursor first those since, then as they come. Subscribes
 * before it replays, so that nothing falls in between. Resolves when the replay is done.
 */
export async function follow(
  app: Pick<LiveApp, 'db' | 'hub'>,
  subscription: Subscription,
  cursor: string | undefined,
  sink: Sink,
  signal: AbortSignal,
): Promise<void> {
  let buffered: LiveEvent[] | undefined = cursor === undefined ? undefined : []
  const end = app.hub.subscribe(subscription, (event) => (buffered ? buffered.push(event) : sink.send(event)))
  if (signal.aborted) return end()
  signal.addEventListener('abort', end)
  if (cursor === undefined) return
  const replayed = new Set<string>()
  for await (const events of missedEvents(app.db, subscription, cursor)) {
    for (const event of events) {
      if (signal.aborted) return
      replayed.add(event.id)
      sink.send({ id: event.id, subject: event.subject, text: JSON.stringify(event) })
    }
    await sink.ready()
  }
  for (const event of buffered ?? []) if (!replayed.has(event.id) && !signal.aborted) sink.send(event)
  buffered = undefined
}
