import { setTimeout as delay } from 'node:timers/promises'
import type { App } from '../app.ts'
import type { CloudEvent } from '../outbox/event.ts'
import { missedEvents, type Since, type Subscription } from '../outbox/replay.ts'

/** How long the database is left alone after it could not be read, in ms. */
const RETRY_MS = 1_000

/** What a subscriber missed, and where it goes; `ready` resolves when more may follow. */
type Missed = {
  subscription: Subscription
  since: () => Since
  take: (event: CloudEvent) => void
  ready?: () => Promise<void>
}

/**
 * Hands the events that a subscriber missed to `take`, in order; from the beginning again after a failure, until all have been read
 * or `signal` aborts. Never rejects.
 */
export async function readMissed(
  app: Pick<App, 'access' | 'db' | 'log'>,
  { subscription, since, take, ready }: Missed,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      for await (const events of missedEvents(app, subscription, since())) {
        for (const event of events) {
          if (signal.aborted) return
          take(event)
        }
        await ready?.()
      }
      return
    } catch (error) {
      app.log.warn({ err: error }, 'missed events not read, trying again')
      await delay(RETRY_MS, undefined, { signal }).catch(() => {})
    }
  }
}
