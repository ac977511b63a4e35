import type { Asset } from '../assets.ts'
import { Answer, type Headers } from '../function.ts'
import { isKnown } from './etag.ts'

/** Answers with a file of the page in the best encoding that the browser takes, or 304 where it has the file. */
export function answerWith(asset: Asset, asked: Record<string, unknown>, more: Headers): Answer {
  const accepted = String(asked['accept-encoding'] ?? '').split(/\s*[,;]\s*/)
  const [encoding, body] = asset.encoded.find(([name]) => accepted.includes(name)) ?? [undefined, asset.body]
  // Weak: the encodings of one file share it.
  const caching = { vary: 'accept-encoding', etag: `W/${asset.etag}`, ...more }
  if (isKnown(asked['if-none-match'] as string | undefined, asset.etag)) return new Answer(304, null, caching)
  return new Answer(200, body, {
    ...caching,
    'content-type': asset.type,
    'content-length': body.byteLength,
    'x-content-type-options': 'nosniff',
    ...(encoding && { 'content-encoding': encoding }),
  })
}
