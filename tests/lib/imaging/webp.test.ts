import sharp from 'sharp'
import { beforeAll, expect, test } from 'vitest'
import type { Bitmap } from '../../../lib/imaging/bitmap.ts'
import { decodeWebp } from '../../../lib/imaging/decode/webp.ts'
import { encodeWebp } from '../../../lib/imaging/encode/webp.ts'
import { readWebpHeader } from '../../../lib/imaging/headers/webp.ts'
import type { Size } from '../../../lib/imaging/operations.ts'
import { readyCodec, takeBack } from '../../../lib/imaging/wasm/module.ts'
import { readyWebpDecoder, showWebp } from '../../../lib/imaging/wasm/webp-decoder.ts'
import * as images from '../../support/images.ts'
import { expectPixelsOfSharp } from './box-means.ts'

beforeAll(async () => {
  await readyCodec()
  await readyWebpDecoder()
})

/** Decodes a WebP; the pixels are a copy. */
function decode(source: Buffer, target?: Size): Bitmap {
  const bitmap = decodeWebp(
    source,
    readWebpHeader(source, () => {}),
    target,
  )
  const copy = { ...bitmap, data: Buffer.from(bitmap.data) }
  takeBack(bitmap.data)
  return copy
}

const picture = (alphaOf: (x: number) => number = () => 255) =>
  images.paint(203, 101, (x, y) => [(x * 3) & 255, (x * y) & 255, (y * 5) & 255, alphaOf(x)])

const toWebp = ({ width, height, data }: Bitmap, options: import('sharp').WebpOptions) =>
  sharp(data, { raw: { width, height, channels: 4 } })
    .webp(options)
    .toBuffer()

const sources = {
  lossy: await toWebp(picture(), {}),
  'lossy with alpha': await toWebp(
    picture((x) => x & 255),
    {},
  ),
  lossless: await toWebp(picture(), { lossless: true }),
  'lossless with alpha': await toWebp(
    picture((x) => x & 255),
    { lossless: true, exact: true },
  ),
}

test.each(Object.entries(sources))(
  'decodes a picture that is %s to the pixels that sharp sees, and smaller to the means of these',
  (_, source) => expectPixelsOfSharp(source, decode),
)

/** A lossless WebP of 100x100 whose five codes have one symbol each: it needs fewer than the ten bytes of other headers. */
function tinyWebp(): Buffer {
  let [bits, length] = [0n, 0n]
  const put = (value: number, count: number) => {
    bits |= BigInt(value) << length
    length += BigInt(count)
  }
  put(99, 14)
  put(99, 14)
  // No alpha, version 0, no transform, no cache of colours, one set of codes.
  put(0, 1 + 3 + 1 + 1 + 1)
  // Green 1, red 0 and blue 0 in one bit each, alpha 255 in eight, distance 0.
  for (const [symbol, width] of [
    [1, 1],
    [0, 1],
    [0, 1],
    [255, 8],
    [0, 1],
  ] as const) {
    put(1, 2)
    put(width === 8 ? 1 : 0, 1)
    put(symbol, width)
  }
  const stream = Buffer.from(bits.toString(16).padStart(16, '0'), 'hex').reverse()
  const chunk = images.riffChunk('VP8L', Buffer.concat([Buffer.from([0x2f]), stream]))
  return images.riffChunk('RIFF', Buffer.concat([Buffer.from('WEBP'), chunk]))
}

test('decodes a picture of one colour in 30 bytes', () => {
  const source = tinyWebp()
  expect(source).toHaveLength(30)
  const shown = decode(source)
  expect([shown.width, shown.height, images.pixelAt(shown, 99, 99)]).toEqual([100, 100, [0, 1, 0, 255]])
})

const size = { width: 203, height: 101 }

/** The memory in which the decoder shows a picture. */
function memoryOf(source: Buffer): ArrayBufferLike {
  const memories: ArrayBufferLike[] = []
  expect(showWebp(source, size, ({ data }) => memories.push(data.buffer))).toBe(true)
  return memories[0] ?? expect.fail('nothing shown')
}

test('one decoder is kept, but not after it was interrupted', () => {
  const memory = memoryOf(sources.lossy)
  expect(memoryOf(sources['lossy with alpha']) === memory).toBe(true)
  expect(showWebp(sources.lossy.subarray(0, 600), size, () => {})).toBe(false)
  expect(memoryOf(sources.lossy) === memory).toBe(true)
  const interrupt = () =>
    showWebp(sources.lossy, size, () => {
      throw new Error('no')
    })
  expect(interrupt).toThrow('no')
  expect(memoryOf(sources.lossy) === memory).toBe(false)
})

test('nothing of a lossless picture stays in the memory of the decoder', () => {
  const row = Buffer.from(decode(sources.lossless).data.subarray(0, 400))
  const found: boolean[] = []
  let look = () => {}
  showWebp(sources.lossless, size, ({ data }) => {
    look = () => found.push(Buffer.from(data.buffer).includes(row))
    look()
  })
  look()
  expect(found).toEqual([true, false])
  expect(decode(sources.lossless).data.subarray(0, 400).equals(row)).toBe(true)
})

test('a picture that needs more memory than its size explains is refused', async () => {
  const large = sharp({ create: { width: 4000, height: 3000, channels: 3, background: '#369' } })
  const source = await large.webp({ lossless: true }).toBuffer()
  expect(showWebp(source, { width: 4000, height: 3000 }, () => {})).toBe(true)
  expect(showWebp(source, { width: 200, height: 100 }, () => {})).toBe(false)
})

test('an encoder that is kept makes the same file again', async () => {
  const first = await encodeWebp(picture(), 80)
  const other = await encodeWebp(images.sample(700, 500), 80)
  expect((await encodeWebp(picture(), 80)).equals(first)).toBe(true)
  expect(decode(other)).toMatchObject({ width: 700, height: 500 })
})
