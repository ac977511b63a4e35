import type { App } from '../app.ts'
import type { Db } from '../db/port.ts'
import { type Message, PUBLISH_DEADLINE_MS } from '../queue/port.ts'
import { awaitAnswers } from './answers.ts'
import type { EventRow } from './event.ts'
import { messageOf } from './message.ts'
import { markPublished } from './published.ts'

/** Publishes events and marks those that the broker confirmed; returns how many. */
export const publishEvents = (app: Pick<App, 'db' | 'queue'>, rows: readonly EventRow[]): Promise<number> =>
  publishMessages(app, rows.map(messageOf))

/** The same with messages that events have become; `mark` marks those that were confirmed. */
export async function publishMessages(
  app: Pick<App, 'db' | 'queue'>,
  messages: readonly Message[],
  mark: (db: Db, ids: readonly string[]) => Promise<void> | void = markPublished,
): Promise<number> {
  if (messages.length === 0) return 0
  const confirmed = await app.queue.publish(messages, PUBLISH_DEADLINE_MS)
  if (confirmed.size < messages.length)
    awaitAnswers(
      app,
      messages.map(({ id }) => id),
    )
  if (confirmed.size > 0) await mark(app.db, [...confirmed])
  return confirmed.size
}
