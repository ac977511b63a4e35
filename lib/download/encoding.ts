import { pipeline, type Transform } from 'node:stream'
import zlib from 'node:zlib'
import { AppError } from '../errors.ts'

type Bytes = AsyncIterable<Uint8Array>

/** More than are found in the wild; each one multiplies what a few bytes can make of themselves. */
const MAX_ENCODINGS = 2

/** What undoes an encoding, where the first byte of a body may say which of two it is. */
const DECODERS: Readonly<Record<string, (firstByte: number) => Transform>> = {
  gzip: () => zlib.createGunzip(),
  'x-gzip': () => zlib.createGunzip(),
  // Some servers send it without the header of RFC 1950, whose lower four bits are 8.
  deflate: (firstByte) => ((firstByte & 15) === 8 ? zlib.createInflate() : zlib.createInflateRaw()),
  br: () => zlib.createBrotliDecompress(),
}

/** The encodings that a `Content-Encoding` names, in the order in which they were applied; throws `invalid-answer`. */
export function parseEncodings(header = ''): readonly string[] {
  const names = header.split(',').map((name) => name.trim().toLowerCase())
  const encodings = names.filter((name) => name && name !== 'identity')
  if (encodings.length > MAX_ENCODINGS)
    throw new AppError('invalid-answer', `The source is encoded more than ${MAX_ENCODINGS} times`)
  if (encodings.some((name) => !Object.hasOwn(DECODERS, name)))
    throw new AppError('invalid-answer', 'The source has an encoding other than gzip, deflate and br')
  return encodings
}

/** The body as it was before it was encoded; throws `invalid-answer` where it is damaged. */
export const decode = (body: Bytes, encodings: readonly string[]): Bytes => encodings.reduceRight(undo, body)

async function* undo(body: Bytes, encoding: string): Bytes {
  let failure: unknown
  const chunks = body[Symbol.asyncIterator]()
  const next = () =>
    chunks.next().catch((error: unknown) => {
      failure = error
      throw error
    })
  const first = await next()
  if (first.done) return
  async function* all() {
    for (let { value, done } = first; !done; { value, done } = await next()) yield value
  }
  const decoder = DECODERS[encoding]?.(first.value[0] ?? 0) as Transform
  pipeline(all(), decoder, () => {}) // iterating over the decoder tells what fails
  try {
    yield* decoder
  } catch (cause) {
    if (cause === failure) throw cause
    throw new AppError('invalid-answer', `The source is no intact ${encoding}`, { cause })
  }
}
