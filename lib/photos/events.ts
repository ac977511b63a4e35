import { uuidv7 } from 'uuidv7'
import type { App } from '../app.ts'
import { chunks, type Db, nowPlus } from '../db/port.ts'
import type { EventType } from '../db/tables.ts'
import { type Message, PUBLISH_DEADLINE_MS } from '../queue/port.ts'
import type { EventData } from './photo.ts'
import { markPublished } from './published.ts'

/** Something that happened to a photo, before it is a row. */
export type NewEvent = {
  type: EventType
  photoUuid: string | null
  attempt?: number
  detail?: string
  data?: EventData | DeadMessage
  /** What its message carries, where that is not the trace of the app. */
  traceparent?: string | null
  /** Publish not before so many ms from now; 0 is at once. */
  delayMs?: number
}

export type DeadMessage = { body: string; reason: string }

export type EventRow = {
  id: string
  photo_uuid: string | null
  type: EventType
  at: string
  data: string | null
  traceparent: string | null
  due: boolean
}

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
 * Runs `work` with an app whose writes are one transaction, `record` included; what it publishes is published after
 * the commit.
 */
export async function inTransaction<A extends Pick<App, 'db' | 'queue'>, T>(
  app: A,
  work: (app: A) => Promise<T>,
): Promise<T> {
  const held: Message[] = []
  const publish = async (messages: readonly Message[]) => {
    held.push(...messages)
    return new Set<string>()
  }
  const result = await app.db
    .transaction()
    .execute((tx) => work({ ...app, db: tx, queue: { ...app.queue, publish } }))
  await publishMessages(app, held)
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

/** Publishes events and notes which the broker confirmed; returns how many. */
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

/** The message that an event is: the photo's uuid for workers, a CloudEvent for listeners. */
function messageOf(event: EventRow): Message {
  const { id, photo_uuid, type, data, traceparent } = event
  const headers: Record<string, string> = traceparent === null ? {} : { traceparent }
  if (type === 'image.queued') return { id, to: 'work', key: type, body: { photo_uuid }, headers }
  if (type === 'message.dead') {
    const { body, reason } = JSON.parse(data ?? '{}') as DeadMessage
    return { id, to: 'dead', key: type, body, headers: { ...headers, 'x-reason': reason } }
  }
  return { id, to: 'app', key: type, body: toCloudEvent(event), headers }
}

/** An event as listeners and subscribers get it: a CloudEvents 1.0 object, with its Distributed Tracing extension. */
export type CloudEvent = {
  specversion: '1.0'
  id: string
  source: string
  type: EventType
  subject: string | null
  time: string
  datacontenttype: string
  traceparent?: string
  data: EventData
}

export const toCloudEvent = ({
  id,
  photo_uuid,
  type,
  at,
  data,
  traceparent,
}: Omit<EventRow, 'due'>): CloudEvent => ({
  specversion: '1.0',
  id,
  source: 'photo-processor',
  type,
  subject: photo_uuid,
  time: at,
  datacontenttype: 'application/json',
  ...(traceparent !== null && { traceparent }),
  data: JSON.parse(data ?? 'null') as EventData,
})
