import type { CloudEvent } from './events.ts'
import { parseUuid } from './photo.ts'

/** The photo that a message asks for: `{"photo_uuid":"…"}`, or a bare uuid as text or JSON string. */
export function photoOf(body: Uint8Array): string | undefined {
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
