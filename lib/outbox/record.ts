import { uuidv7 } from 'uuidv7'
import type { App } from '../app.ts'
import { chunks, type Db, nowPlus } from '../db/port.ts'
import type { EventType } from '../db/tables.ts'
import { type Message, PUBLISH_DEADLINE_MS } from '../queue/port.ts'
import type { EventRow, NewEvent } from './event.ts'
import { messageOf } from './message.ts'
import { markPublished } from './published.ts'

/** How long the relay leaves a fresh event to the request that wrote it, in ms. */
const GRACE_MS = 5_000

/** Events that stay in the timeline and are no message. */
const SILENT: ReadonlySet<EventType> = new Set(['image.created'])

/**
 * Runs `work` in a transaction together with the events it emits, and publishes those after the commit. What could
 * not be published, or was not because the process died here, the relay publishes.
 */
export async function record<T>(
  app: Pick<App, 'db' | 'queue' | 'trace'>,
  work: (tx: Db, emit: (event: NewEvent) => void) => Promise<T>,
): Promise<T> {
  const rows: EventRow[] = []
  const result = await within(app.db, async (tx) => {
    const emitted: NewEvent[] = []
    const value = await work(tx, (event) => emitted.push(event))
    rows.push(...(await insertEvents(tx, emitted, app.trace)))
    return value
  })
  await publishEvents(
    app,
    rows.filter((row) => row.due),
  )
  return result
}

/** Runs `work` in the transaction that `db` is, or else in one of its own. */
const within = <T>(db: Db, work: (tx: Db) => Promise<T>): Promise<T> =>
  db.isTransaction ? work(db) : db.transaction().execute(work)

/**
 * Runs `work` with an app whose writes are one transaction (that of the app, where it is in one), `record` included; what it publishes is published after
 * the commit.
 */
export async function inTransaction<A extends Pick<App, 'db' | 'queue'>, T>(
  app: A,
  work: (app: A) => Promise<T>,
): Promise<T> {
  if (app.db.isTransaction) return work(app)
  const deferred: Message[] = []
  const publish = async (messages: readonly Message[]) => {
    deferred.push(...messages)
    return new Set<string>()
  }
  const result = await app.db
    .transaction()
    .execute((tx) => work({ ...app, db: tx, queue: { ...app.queue, publish } }))
  await publishMessages(app, deferred)
  return result
}

async function insertEvents(
  tx: Db,
  events: readonly NewEvent[],
  trace: string | undefined,
): Promise<EventRow[]> {
  const at = new Date().toISOString()
  const rows = events.map(({ type, photoUuid, data, traceparent, delayMs = 0 }) => ({
    id: uuidv7(),
    photo_uuid: photoUuid,
    project_id: data !== undefined && 'project_id' in data ? data.project_id : null,
    type,
    at,
    data: data === undefined ? null : JSON.stringify(data),
    traceparent: traceparent ?? trace ?? null,
    due: delayMs === 0 && !SILENT.has(type),
  }))
  const values = rows.map(({ due, ...row }, index) => {
    const { attempt, detail, delayMs } = events[index] as NewEvent
    const publish_after = SILENT.has(row.type) ? null : nowPlus(delayMs || GRACE_MS)
    return { ...row, attempt: attempt ?? null, detail: detail ?? null, publish_after, published_at: null }
  })
  for (const part of chunks(values)) await tx.insertInto('events').values(part).execute()
  return rows
}

/** Publishes events and marks those that the broker confirmed; returns how many. */
export async function publishEvents(
  app: Pick<App, 'db' | 'queue'>,
  rows: readonly EventRow[],
): Promise<number> {
  return publishMessages(app, rows.map(messageOf))
}

async function publishMessages(
  app: Pick<App, 'db' | 'queue'>,
  messages: readonly Message[],
): Promise<number> {
  if (messages.length === 0) return 0
  const confirmed = await app.queue.publish(messages, PUBLISH_DEADLINE_MS)
  if (confirmed.size > 0) await markPublished(app.db, [...confirmed])
  return confirmed.size
}
