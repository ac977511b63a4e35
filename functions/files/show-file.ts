import { Readable } from 'node:stream'
import { Type } from '@sinclair/typebox'
import { notFound } from '../../lib/errors.ts'
import { endpoint } from '../../lib/function.ts'
import { isKnown } from '../../lib/http/etag.ts'
import { parseRange } from '../../lib/http/range.ts'
import { Bytes, NoBody, problems } from '../../lib/http/schemas.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'
import { isKey, thumbKey } from '../../lib/storage/index.ts'

const TYPES: Record<string, string> = { jpg: 'image/jpeg', png: 'image/png', webp: 'image/webp' }

/** A stored file: a rendition, or an original below `originals/`. */
export const showFile = endpoint({
  method: 'GET',
  path: '/files/*',
  summary: 'A stored file: a thumbnail by its url, an original below originals/',
  tag: 'files',
  params: Type.Object({ '*': Type.String() }),
  replies: { 200: Bytes, 206: Bytes, 302: NoBody, 304: NoBody, 416: NoBody, ...problems(404, 503) },
  async handle({ params, headers, method }, { storage }, reply) {
    const path = params['*']
    const key = path.startsWith('originals/') ? path : thumbKey(path)
    const info = isKey(key) ? await storage.head(key) : undefined
    if (!info) throw notFound('File')
    const elsewhere = await storage.signRead(key)
    if (elsewhere) return reply(302, null, { location: elsewhere, 'cache-control': 'no-store' })
    const caching = { etag: info.etag, 'cache-control': 'no-cache', 'accept-ranges': 'bytes' }
    if (isKnown(headers['if-none-match'], info.etag)) return reply(304, null, caching)
    const type = { ...caching, 'content-type': typeOf(path), 'x-content-type-options': 'nosniff' }
    const isHead = method === 'HEAD'
    const range = isHead ? undefined : parseRange(headers.range, headers['if-range'], info)
    if (range === 'unsatisfiable')
      return reply(416, null, { ...caching, 'content-range': `bytes */${info.bytes}` })
    const { start, end } = range ?? { start: 0, end: info.bytes - 1 }
    const all = { ...type, 'content-length': end - start + 1 }
    // An empty stream, not null: for HEAD Fastify sets the length of null to 0.
    const body = isHead || info.bytes === 0 ? Readable.from([]) : storage.stream(key, range)
    if (!range) return reply(200, body, all)
    return reply(206, body, { ...all, 'content-range': `bytes ${start}-${end}/${info.bytes}` })
  },
})

export const handler = lambda(showFile)

/** Renditions are named by their format; an original is served as bytes, since a stranger chose its content. */
const typeOf = (path: string) =>
  (!path.startsWith('originals/') && TYPES[path.split('.').at(-1) ?? '']) || 'application/octet-stream'
