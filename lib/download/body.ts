import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import { AppError } from '../errors.ts'
import { type BufferPool, collectIn, SMALLEST } from './buffers.ts'
import { decode, parseEncodings } from './encoding.ts'
import type { Downloaded } from './port.ts'
import { type LeastRate, watchRate } from './rate.ts'

/** `grow` is waited for before the body takes so many bytes of memory in all. */
type Limits = {
  maxBytes: number
  leastRate: LeastRate
  buffers: BufferPool
  grow?: (bytes: number) => Promise<void>
}

/**
 * Reads a body: exactly what was declared, at most `maxBytes` both as it comes and decoded, no slower than `leastRate`.
 * Throws `too-many-bytes`, `empty-source`, `invalid-answer` for its encoding, or what ends the stream.
 */
export async function readBody(
  stream: Readable,
  headers: IncomingHttpHeaders,
  { maxBytes, leastRate, buffers, grow }: Limits,
): Promise<Pick<Downloaded, 'data' | 'release'>> {
  const declared = headers['content-length'] ? Number(headers['content-length']) : undefined
  if (declared && declared > maxBytes) throw tooManyBytes(maxBytes)
  const encodings = parseEncodings(headers['content-encoding'])
  const isEncoded = encodings.length > 0
  const rate = watchRate(leastRate, (error) => stream.destroy(error))
  async function* received() {
    let size = 0
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      size += chunk.length
      rate.count(chunk.length)
      if (size > maxBytes) throw tooManyBytes(maxBytes)
      yield chunk
    }
    if (declared !== undefined && declared !== size) throw new Error(`${size} bytes instead of ${declared}`)
  }
  const wait = async (bytes: number) => {
    rate.pause()
    await grow?.(bytes)
    rate.resume()
  }
  await wait(SMALLEST).catch((error) => {
    rate.end()
    throw error
  })
  const collected = collectIn(buffers, isEncoded ? undefined : declared)
  try {
    for await (const chunk of decode(received(), encodings)) {
      if (collected.size + chunk.length > maxBytes) throw tooManyBytes(maxBytes)
      const larger = collected.sizeFor(chunk.length)
      if (larger !== undefined) {
        await wait(larger)
        collected.grow(larger)
      }
      collected.add(chunk)
      if (!isEncoded) discard(chunk)
    }
    if (collected.size === 0) throw new AppError('empty-source', 'The source is empty')
    return { data: collected.data(), release: collected.release }
  } catch (error) {
    collected.release()
    throw error
  } finally {
    rate.end()
  }
}

/** Frees a chunk that the HTTP parser copied, so that nothing is left for the collector. */
function discard({ buffer, byteLength }: Uint8Array) {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0)
}

const tooManyBytes = (maxBytes: number) =>
  new AppError('too-many-bytes', `The source is larger than ${maxBytes} bytes`)
