import type { Asset } from '../assets.ts'
import type { Answer, Headers, Request } from '../function.ts'
import { isKnown } from './etag.ts'

type ReplyWith = (status: 200 | 304, body: never, headers: Headers) => Answer

/** Answers with a file of the page in the best encoding that the browser takes, or 304 where it has it. */
export function sendAsset(
  asset: Asset,
  { headers }: Pick<Request<unknown, unknown, unknown>, 'headers'>,
  reply: ReplyWith,
  more: Headers,
): Answer {
  const accepted = String(headers['accept-encoding'] ?? '').split(/\s*[,;]\s*/)
  const [encoding, body] = asset.encoded.find(([name]) => accepted.includes(name)) ?? [undefined, asset.body]
  // Weak: the encodings of one file share it.
  const etag = `W/${asset.etag}`
  const caching = { vary: 'accept-encoding', etag, ...more }
  if (isKnown(headers['if-none-match'], asset.etag)) return reply(304, null as never, caching)
  return reply(200, body as never, {
    ...caching,
    'content-type': asset.type,
    'content-length': body.byteLength,
    'x-content-type-options': 'nosniff',
    ...(encoding && { 'content-encoding': encoding }),
  })
}
