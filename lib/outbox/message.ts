import type { Sign } from '../access/links.ts'
import type { Message } from '../queue/port.ts'
import { parseUuid } from '../uuid.ts'
import { deadHeaders, readLetter } from './dead-letter.ts'
import { type CloudEvent, type EventRow, signEvent, toCloudEvent } from './event.ts'

/** The message that an event is: the photo's uuid for workers, a CloudEvent for listeners. */
export function messageOf(event: Omit<EventRow, 'due'>, sign: Sign): Message {
  const { id, photo_uuid, type, data, traceparent } = event
  const headers: Record<string, string> = traceparent === null ? {} : { traceparent }
  if (type === 'image.queued') return { id, to: 'work', key: type, body: { photo_uuid }, headers }
  if (type === 'message.dead') {
    const letter = readLetter(data)
    return { id, to: 'dead', key: type, body: letter.body, headers: { ...headers, ...deadHeaders(letter) } }
  }
  return { id, to: 'app', key: type, body: signEvent(toCloudEvent(event), sign), headers }
}

/** The photos that a message to the workers names, each once; `isWhole`: every part of it names one. */
export type Named = { uuids: string[]; isWhole: boolean }

/**
 * Reads a message to the workers: a uuid as text, as JSON string, as 32 hex digits or in an object as `photo_uuid`, `uuid` or
 * `id`; a list of these; or the 16 bytes of a uuid, which no other form is as short as.
 */
export function parseWorkMessage(body: Uint8Array): Named {
  const bytes = Buffer.from(body)
  const text = bytes.toString('utf8').trim()
  // Before JSON: 32 decimal digits would be a number.
  const bare = parseId(text)
  if (bare) return { uuids: [bare], isWhole: true }
  const parsed = parseJson(text)
  const isJson = parsed !== text
  const parts = Array.isArray(parsed)
    ? parsed
    : [!isJson && bytes.length === UUID_BYTES ? bytes.toString('hex') : parsed]
  const found = parts.map(nameOf)
  return {
    uuids: [...new Set(found.filter((uuid) => uuid !== undefined))],
    isWhole: parts.length > 0 && !found.includes(undefined),
  }
}

const UUID_BYTES = 16

function nameOf(part: unknown): string | undefined {
  if (typeof part === 'string') return parseId(part.trim())
  const { photo_uuid, uuid, id } = (part ?? {}) as Record<string, unknown>
  const name = photo_uuid ?? uuid ?? id
  return typeof name === 'string' ? parseId(name.trim()) : undefined
}

/** A uuid, with its dashes or without. */
const parseId = (text: string) =>
  parseUuid(text.replace(/^(\w{8})(\w{4})(\w{4})(\w{4})(\w{12})$/, '$1-$2-$3-$4-$5'))

/** The id of the event that a message of `photo-app` is; undefined where it is none. Anybody may have written the rest of it. */
export function parseEventId(body: Uint8Array): string | undefined {
  const { id, type } = (parseJson(Buffer.from(body).toString('utf8')) ?? {}) as Partial<CloudEvent>
  return typeof id === 'string' && /^image\.\w+$/.test(String(type)) ? parseUuid(id) : undefined
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
