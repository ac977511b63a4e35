import type { Source } from '../queue/port.ts'
import type { DeadLetter } from './event.ts'

/** Bytes that are kept of a dead message; of a larger one its beginning. */
const KEPT_BYTES = 64 * 1024

/** A dead message, and how many bytes it had before it was cut. */
export type ReadLetter = { body: Uint8Array; reason: string; from: Source; bytes: number }

/** A dead message as it is stored: text where that is the same bytes, which JSON columns take no NUL in. */
export function writeLetter(message: Uint8Array, reason: string, from: Source): DeadLetter {
  const kept = Buffer.from(message).subarray(0, KEPT_BYTES)
  const text = kept.toString('utf8')
  const isText = !text.includes('\0') && Buffer.from(text).equals(kept)
  return {
    ...(isText ? { body: text } : { body: kept.toString('base64'), encoding: 'base64' }),
    reason,
    from,
    ...(message.byteLength > kept.byteLength && { bytes: message.byteLength }),
  }
}

/** What `writeLetter` made of a message, from the `data` of its event. */
export function readLetter(data: string | null): ReadLetter {
  const { body, encoding = 'utf8', reason, from = 'work', bytes } = JSON.parse(data ?? '{}') as DeadLetter
  const kept = Buffer.from(body, encoding)
  return { body: kept, reason, from, bytes: bytes ?? kept.byteLength }
}

/** The headers of a dead message: why it is dead, where it came from and, where it was cut, how long it was. */
export const deadHeaders = ({ body, reason, from, bytes }: ReadLetter): Record<string, string> => ({
  'x-reason': reason,
  'x-source': from,
  ...(bytes > body.byteLength && { 'x-bytes': String(bytes) }),
})
