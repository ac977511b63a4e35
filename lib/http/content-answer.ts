import { Readable } from 'node:stream'
import type { App } from '../app.ts'
import { MAX_VALUE_BYTES } from '../cache/port.ts'
import { Answer } from '../function.ts'
import type { Content } from '../renditions/contents.ts'
import { renditionKey } from '../storage/port.ts'
import { isKnown } from './etag.ts'
import { headersOfRendition, SHOWN_ANYWHERE } from './file-headers.ts'

type Requested = { method: string; headers: Record<string, string | string[] | undefined> }

/** Answers with a rendition through the cache, or where it lies; undefined where its file is gone. */
export async function answerContent(
  { contents, storage }: Pick<App, 'contents' | 'storage'>,
  content: Content,
  { method, headers }: Requested,
): Promise<Answer | undefined> {
  const caching = { etag: content.etag, 'cache-control': 'no-cache', ...SHOWN_ANYWHERE }
  if (isKnown(headers['if-none-match'], content.etag)) return new Answer(304, null, caching)
  // Too large to be kept, and soon for an answer of Lambda, which takes 6 MB.
  const { type, disposition } = headersOfRendition(content.path, content.type)
  const elsewhere =
    content.bytes > MAX_VALUE_BYTES
      ? await storage.signRead(renditionKey(content.path), { type, disposition })
      : undefined
  if (elsewhere)
    return new Answer(302, null, { location: elsewhere, 'cache-control': 'no-store', ...SHOWN_ANYWHERE })
  const found = method === 'HEAD' ? await contents.look(content) : await contents.read(content)
  return (
    found &&
    new Answer(200, 'body' in found ? found.body : Readable.from([]), {
      ...caching,
      'content-type': type,
      'content-disposition': disposition,
      'x-content-type-options': 'nosniff',
      'x-cache': found.cached ? 'HIT' : 'MISS',
      ...('bytes' in found && { 'content-length': found.bytes }),
    })
  )
}
