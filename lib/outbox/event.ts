import type { Sign } from '../access/links.ts'
import type { EventType } from '../db/tables/events.ts'
import type { PhotoStatus } from '../photo-status.ts'
import type { Source } from '../queue/port.ts'

/** Something that happened to a photo, before it is a row. */
export type NewEvent = {
  type: EventType
  photoUuid: string | null
  attempt?: number
  detail?: string
  data?: EventData | DeadLetter
  /** What its message carries, where that is not the trace of the app. */
  traceparent?: string | null
  /** Publish not before so many ms from now; 0 is at once. */
  delayMs?: number
}

/** A message that could not be understood, as it came, from where, and why. */
export type DeadLetter = {
  body: string
  /** How `body` is written, where it is not the text itself. */
  encoding?: 'base64'
  reason: string
  /** Missing in rows of earlier versions, which kept none but from `work`. */
  from?: Source
  /** Of the whole message, where only its beginning is kept. */
  bytes?: number
}

/** An event as it was stored; `due`: its message is to be published now. */
export type EventRow = {
  id: string
  photo_uuid: string | null
  type: EventType
  at: string
  data: string | null
  traceparent: string | null
  due: boolean
}

/** The `data` of an event about a photo; a `url` in `thumbnails` is the path below `/files/`. */
export type EventData = {
  photo_uuid: string
  project_id: number | null
  status: PhotoStatus
  /** The status in the words of the projects door. */
  state: string
  /** URLs by name: the original, where the service keeps it, and the renditions. */
  versions: Record<string, string>
  thumbnails: { uuid: string; name: string; width: number; height: number; url: string }[]
  error: { code: string; message: string } | null
  /** The client's own id of the photo, and its own keys and values; rows of earlier versions lack both. */
  reference: string | null
  labels: Record<string, string>
} & Partial<Omit<Retry, 'error'>>

/** What is known of a photo whose attempt failed while another will follow; `next_attempt_at`: not before that. */
export type Retry = {
  attempt: number
  max_attempts: number
  next_attempt_at: string
  error: { code: string; message: string }
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

/** The event as it is handed out now: its links are signed anew each time; what is stored has none that is signed. */
export const signEvent = (event: CloudEvent, sign: Sign): CloudEvent => ({
  ...event,
  data: event.data && { ...event.data, ...signFiles(event.data, sign) },
})

/** Rows of earlier versions may lack either. */
const signFiles = ({ versions, thumbnails }: Partial<EventData>, sign: Sign) => ({
  ...(versions && {
    versions: Object.fromEntries(Object.entries(versions).map(([name, url]) => [name, signUrl(url, sign)])),
  }),
  ...(thumbnails && {
    thumbnails: thumbnails.map((one) => ({ ...one, url: sign(withoutQuery(one.url)) })),
  }),
})

/** The event as it is stored. */
export const unsignEvent = (event: CloudEvent): CloudEvent => signEvent(event, (path) => path)

function signUrl(url: string, sign: Sign): string {
  const start = url.lastIndexOf('/files/') + '/files/'.length
  return url.slice(0, start) + sign(withoutQuery(url.slice(start)))
}

const withoutQuery = (url: string): string => url.split('?', 1)[0] ?? url
