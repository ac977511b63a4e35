import { Readable } from 'node:stream'
import { Answer } from '../function.ts'
import type { ObjectInfo, ReadHeaders, Storage } from '../storage/port.ts'
import { isKnown } from './etag.ts'
import { SHOWN_ANYWHERE } from './file-headers.ts'
import { parseRange } from './range.ts'

/** `until`: the end of the link that the request came by, in ms since 1970. */
type Requested = {
  headers: Record<string, string | string[] | undefined>
  method: string
  until?: number | undefined
}

/**
 * Answers with a stored object, or where it lies when the storage is elsewhere: ETag, 304, one range, HEAD (RFC 9110).
 * Undefined where there is none.
 */
export async function answerStored(
  storage: Storage,
  key: string,
  describe: (info: ObjectInfo) => ReadHeaders | Promise<ReadHeaders>,
  { headers, method, until }: Requested,
): Promise<Answer | undefined> {
  const info = await storage.head(key)
  if (!info) return undefined
  const { type, disposition } = await describe(info)
  const elsewhere = await storage.signRead(key, { type, disposition }, until)
  if (elsewhere)
    return new Answer(302, null, { location: elsewhere, 'cache-control': 'no-store', ...SHOWN_ANYWHERE })
  const caching = {
    etag: info.etag,
    'cache-control': cachingUntil(until),
    'accept-ranges': 'bytes',
    ...SHOWN_ANYWHERE,
  }
  if (isKnown(headers['if-none-match'], info.etag)) return new Answer(304, null, caching)
  const all = {
    ...caching,
    'content-type': type,
    'content-disposition': disposition,
    'x-content-type-options': 'nosniff',
  }
  const isHead = method === 'HEAD'
  const range = isHead ? undefined : parseRange(headers.range, headers['if-range'], info)
  if (range === 'unsatisfiable')
    return new Answer(416, null, { ...caching, 'content-range': `bytes */${info.bytes}` })
  const { start, end } = range ?? { start: 0, end: info.bytes - 1 }
  const sized = { ...all, 'content-length': end - start + 1 }
  // An empty stream, not null: for HEAD Fastify sets the length of null to 0.
  const body = isHead || info.bytes === 0 ? Readable.from([]) : storage.stream(key, range)
  if (!range) return new Answer(200, body, sized)
  return new Answer(206, body, { ...sized, 'content-range': `bytes ${start}-${end}/${info.bytes}` })
}

/** Who has a link may keep what it opens as long as the link is good. */
function cachingUntil(until: number | undefined): string {
  if (until === undefined || !Number.isFinite(until)) return 'no-cache'
  return `private, max-age=${Math.max(0, Math.floor((until - Date.now()) / 1000))}`
}
