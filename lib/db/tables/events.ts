import type { Generated } from 'kysely'

export type EventsTable = {
  /** Its place in the order of events, which the database gives; 0 in those of earlier versions. */
  seq: Generated<number>
  /** UUIDv7. */
  id: string
  photo_uuid: string | null
  project_id: number | null
  type: EventType
  /** By the clock of the database. */
  at: Generated<string>
  attempt: number | null
  detail: string | null
  /** Body of the message, or null where the type says all. */
  data: string | null
  /** When the message is to be published; null: part of the timeline only. */
  publish_after: string | null
  published_at: string | null
  /** What its message carries. */
  traceparent: string | null
  /** The lane in which the message waits for its turn: a project, or a door where there is no project; null: it needs none. */
  lane: string | null
}

/** An event that is to be sent to one target, or has been. */
export type DeliveriesTable = {
  event_id: string
  target: string
  /** The CloudEvent; null once it has been delivered. */
  body: string | null
  attempts: Generated<number>
  /** When it is sent next; null: delivered, or given up for the reason in `error`. */
  due: string | null
  error: string | null
  created_at: Generated<string>
}

/** Targets that are sent nothing any more. */
export type StoppedTargetsTable = { target: string; stopped_at: Generated<string> }

/** Everything that happens to a photo. `image.queued` goes to the workers, `message.dead` to the dead queue, the others to `photo-app`. */
export const EVENT_TYPES = [
  'image.created',
  'image.queued',
  'image.processing',
  'image.retrying',
  'image.uploaded',
  'image.failed',
  'image.deleted',
  'message.dead',
] as const

export type EventType = (typeof EVENT_TYPES)[number]
