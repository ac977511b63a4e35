import type { Sign } from '../access/links.ts'
import type { App } from '../app.ts'
import type { Db } from '../db/port.ts'
import type { EventType } from '../db/tables/events.ts'
import { type Message, PUBLISH_DEADLINE_MS } from '../queue/port.ts'
import { awaitAnswers } from './answers.ts'
import type { EventRow } from './event.ts'
import { messageOf } from './message.ts'
import { markPublished } from './published.ts'

/** What carries no links. */
const UNSIGNED: ReadonlySet<EventType> = new Set(['image.queued', 'message.dead'])

/** How links are signed now; undefined while that cannot be known: the relay publishes when it can. */
export const signerOrNone = ({ access }: Pick<App, 'access'>): Promise<Sign | undefined> =>
  access.links.signer().catch(() => undefined)

/** Publishes events and marks those that the broker confirmed; returns how many. */
export async function publishEvents(
  app: Pick<App, 'access' | 'db' | 'queue'>,
  rows: readonly EventRow[],
): Promise<number> {
  if (rows.length === 0) return 0
  const sign = await signerOrNone(app)
  const ready = sign ? rows : rows.filter(({ type }) => UNSIGNED.has(type))
  return publishMessages(
    app,
    ready.map((row) => messageOf(row, sign ?? ((path) => path))),
  )
}

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
