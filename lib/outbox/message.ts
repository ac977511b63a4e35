import type { Message } from '../queue/port.ts'
import { parseUuid } from '../uuid.ts'
import { type CloudEvent, type DeadLetter, type EventRow, toCloudEvent } from './event.ts'

/** The message that an event is: the photo's uuid for workers, a CloudEvent for listeners. */
export function messageOf(event: Omit<EventRow, 'due'>): Message {
  const { id, photo_uuid, type, data, traceparent } = event
  const headers: Record<string, string> = traceparent === null ? {} : { traceparent }
  if (type === 'image.queued') return { id, to: 'work', key: type, body: { photo_uuid }, headers }
  if (type === 'message.dead') {
    const { body, reason } = JSON.parse(data ?? '{}') as DeadLetter
    return { id, to: 'dead', key: type, body, headers: { ...headers, 'x-reason': reason } }
  }
  return { id, to: 'app', key: type, body: toCloudEvent(event), headers }
}

/** The photo that a message to the workers names: `{"photo_uuid":"…"}`, or a bare uuid as text or JSON string. */
export function parseWorkMessage(body: Uint8Array): string | undefined {
  const text = Buffer.from(body).toString('utf8').trim()
  const parsed = parseJson(text)
  const id =
    typeof parsed === 'object' && parsed !== null ? (parsed as { photo_uuid?: unknown }).photo_uuid : parsed
  return typeof id === 'string' ? parseUuid(id.trim()) : undefined
}

/** The event that a message of `photo-app` is; undefined where it is none. */
export function parseCloudEvent(body: Uint8Array): CloudEvent | undefined {
  const event = parseJson(Buffer.from(body).toString('utf8')) as Partial<CloudEvent> | null
  const isEvent =
    typeof event?.id === 'string' &&
    parseUuid(event.id) !== undefined &&
    /^image\.\w+$/.test(String(event.type)) &&
    typeof event.data === 'object' &&
    event.data !== null
  return isEvent ? (event as CloudEvent) : undefined
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
