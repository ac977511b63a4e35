import { constants, deflateSync } from 'node:zlib'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import type { Bitmap } from '../../../lib/imaging/bitmap.ts'
import { decodePng } from '../../../lib/imaging/decode/png.ts'
import { readPngHeader } from '../../../lib/imaging/headers/png.ts'
import { takeBack } from '../../../lib/imaging/wasm/module.ts'
import { pngChunk } from '../../support/images.ts'
import { boxMeans } from './box-means.ts'
import { KINDS, noiseRows, PALETTE, type PngKind, writePng } from './write-png.ts'

/** Decodes to boxes of a side; the pixels are a copy. */
async function decode(source: Buffer, side = 1): Promise<Bitmap> {
  const header = readPngHeader(source, () => {})
  const target = { width: header.width / (2 * side), height: header.height / (2 * side) }
  const bitmap = await decodePng(source, header, side === 1 ? undefined : target)
  const data = Buffer.from(bitmap.data)
  takeBack(bitmap.data)
  return { ...bitmap, data }
}

/** What sharp shows, as RGBA. */
const shown = (source: Buffer) => sharp(source).toColourspace('srgb').ensureAlpha().raw().toBuffer()

/** Chunks before the pixels; what is transparent is a colour that the noise has. */
function chunksOf(
  { colourType, depth }: Omit<PngKind, 'width' | 'height'>,
  isTransparent: boolean,
): Buffer[] {
  if (colourType === 3) {
    const alphas = Buffer.from(Array.from({ length: Math.min(100, 2 ** depth) }, (_, i) => (i * 40) & 255))
    return isTransparent ? [PALETTE, pngChunk('tRNS', alphas)] : [PALETTE]
  }
  const key = Buffer.alloc(colourType === 2 ? 6 : 2)
  if (depth === 16) key.fill(4)
  else for (let i = 1; i < key.length; i += 2) key[i] = 1
  return isTransparent ? [pngChunk('tRNS', key)] : []
}

const SIZES = [
  [1, 1],
  [2, 3],
  [5, 1],
  [1, 9],
  [17, 19],
  [33, 30],
  [64, 41],
] as const

describe.each(KINDS)('colour type $colourType of $depth bits', (kind) => {
  for (const interlaced of [false, true]) {
    for (const isTransparent of kind.colourType < 4 ? [false, true] : [false]) {
      const title = `${interlaced ? 'interlaced' : 'row by row'}${isTransparent ? ' with tRNS' : ''}`
      test(`${title} has sharp's pixels, and their means in boxes`, async () => {
        for (const [width, height] of SIZES) {
          const size = { width, height }
          const source = writePng({ ...kind, ...size, interlaced, before: chunksOf(kind, isTransparent) })
          const full = await decode(source)
          expect(full).toMatchObject(size)
          expect(full.data.equals(await shown(source))).toBe(true)
          for (const side of [2, 3, 5]) {
            if (side > Math.min(width, height)) continue
            const small = await decode(source, side)
            expect(small.extent).toEqual({ width: width / side, height: height / side })
            expect(small.data.equals(boxMeans(full, side).data)).toBe(true)
          }
        }
      })
    }
  }
})

test.each([0, 1, 2, 3, 4])(
  "filter %d alone has sharp's pixels, for each number of bytes a pixel",
  async (filter) => {
    for (const kind of KINDS) {
      const rows = noiseRows({ ...kind, width: 37, height: 5 }, () => filter)
      const source = writePng({
        ...kind,
        width: 37,
        height: 5,
        stream: deflateSync(rows),
      })
      expect((await decode(source)).data.equals(await shown(source))).toBe(true)
    }
  },
)

test('a palette is used as libpng does: indices beyond it are black, tRNS counts behind it if it is no longer', async () => {
  const kind = {
    width: 4,
    height: 1,
    colourType: 3,
    depth: 2,
    stream: deflateSync(Buffer.from([0, 0b00011011])),
  }
  const colours = pngChunk('PLTE', Buffer.from([10, 20, 30, 40, 50, 60, 70, 80, 90]))
  const alphas = (...values: number[]) => pngChunk('tRNS', Buffer.from(values))
  for (const [before, shownAlphas] of [
    [[colours], [255, 255, 255, 255]],
    [
      [colours, alphas(5, 6)],
      [5, 6, 255, 255],
    ],
    [
      [colours, alphas(5, 6, 7, 8)],
      [255, 255, 255, 255],
    ],
    [
      [alphas(5, 6), colours],
      [255, 255, 255, 255],
    ],
    [
      [colours, alphas(5), alphas(6)],
      [5, 255, 255, 255],
    ],
  ] as const) {
    const source = writePng({ ...kind, before: [...before] })
    const { data } = await decode(source)
    expect([3, 7, 11, 15].map((at) => data[at])).toEqual(shownAlphas)
    expect(data.equals(await shown(source))).toBe(true)
  }
})

test('the transparent colour is compared with all bits of its samples', async () => {
  for (const [kind, pixels] of [
    [{ depth: 8, colourType: 0 }, ['12', '13', '12']],
    [{ depth: 16, colourType: 0 }, ['1234', '1235', '1234', '0234']],
    [{ depth: 8, colourType: 2 }, ['123456', '123457', '123456', '023456']],
    [{ depth: 16, colourType: 2 }, ['123456789abc', '123456789abd', '123456789abc', '123356789abc']],
  ] as const) {
    const [key] = pixels
    const before = [pngChunk('tRNS', Buffer.from(kind.depth === 8 ? key.replace(/../g, '00$&') : key, 'hex'))]
    const stream = deflateSync(Buffer.from(`00${pixels.join('')}`, 'hex'))
    const source = writePng({ ...kind, width: pixels.length, height: 1, stream, before })
    const { data } = await decode(source)
    expect(data.filter((_, i) => i % 4 === 3)).toEqual(
      Buffer.from([0, 255, 0, 255]).subarray(0, pixels.length),
    )
    expect(data.equals(await shown(source))).toBe(true)
  }
})

test('any deflate stream in any pieces is read, and whatever follows the image is ignored', async () => {
  const kind = { width: 301, height: 203, depth: 8, colourType: 2 }
  const stride = 904
  // 180 kB, so that the window moves; repetitions near and far.
  const rows = noiseRows(kind)
  rows.copy(rows, stride * 40, stride * 5, stride * 35)
  rows.copy(rows, stride * 90 + 200, stride * 60, stride * 62)
  for (let row = 0; row < 203; row++) rows[row * stride] = row % 5
  const expected = await shown(writePng({ ...kind, stream: deflateSync(rows) }))
  const { Z_FIXED, Z_HUFFMAN_ONLY, Z_RLE, Z_DEFAULT_STRATEGY } = constants
  for (const level of [0, 1, 9]) {
    for (const strategy of [Z_DEFAULT_STRATEGY, Z_FIXED, Z_HUFFMAN_ONLY, Z_RLE]) {
      const stream = deflateSync(rows, { level, strategy, windowBits: level ? 15 : 9 })
      const pieces = (step: number) => (whole: Buffer) => {
        const cuts = Array.from({ length: Math.ceil(whole.length / step) }, (_, i) =>
          whole.subarray(i * step, (i + 1) * step),
        )
        return [Buffer.alloc(0), ...cuts, Buffer.alloc(0)]
      }
      for (const cut of [undefined, pieces(7), pieces(8192)]) {
        const { data } = await decode(writePng({ ...kind, stream, ...(cut && { cut }) }))
        expect(data.equals(expected)).toBe(true)
      }
    }
  }
  const stream = deflateSync(rows)
  const longer = deflateSync(Buffer.concat([rows, rows]))
  const late = [pngChunk('ABCD', Buffer.alloc(3)), pngChunk('IDAT', stream), Buffer.from('more')]
  for (const options of [
    { stream: Buffer.concat([stream, Buffer.alloc(5000, 1)]) },
    { stream: longer },
    { stream: stream.subarray(0, -4) },
    { stream, after: [] },
    { stream, after: late },
  ]) {
    expect((await decode(writePng({ ...kind, ...options }))).data.equals(expected)).toBe(true)
  }
})

test('a window of 32 kB reaches all the way back, and no further', async () => {
  // A stored block of 32768 bytes, then a match of the greatest distance, by fixed codes; or of one that begins before the data.
  const kind = { width: 32_767 + 258, height: 1, depth: 8, colourType: 0 }
  const head = Buffer.from([0x78, 0x01])
  const stored = (bytes: Buffer) => {
    const block = Buffer.from([0, 0, 0, 0, 0])
    block.writeUInt16LE(bytes.length, 1)
    block.writeUInt16LE(bytes.length ^ 0xffff, 3)
    return Buffer.concat([block, bytes])
  }
  // Last block, fixed codes; length 258 is 11000101, distance 29 is 11101 with 13 extra bits, the end 0000000.
  const match = (extra: number) => {
    const reversed = [...extra.toString(2).padStart(13, '0')].reverse().join('')
    const bits = `1${'10'}${'11000101'}${'11101'}${reversed}${'0000000'}`.padEnd(40, '0')
    return Buffer.from(
      (bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt([...byte].reverse().join(''), 2)),
    )
  }
  const content = Buffer.from(Array.from({ length: 32_768 }, (_, i) => (i * 7) & 255)).fill(0, 0, 1)
  const whole = writePng({
    ...kind,
    stream: Buffer.concat([head, stored(content), match(8191), Buffer.alloc(4)]),
  })
  const { data } = await decode(whole)
  const expected = Buffer.concat([content, content.subarray(0, 258)]).subarray(1)
  expect(expected.every((value, i) => data[i * 4] === value)).toBe(true)
  const tooFar = [head, stored(content.subarray(0, 32_700)), match(8191), Buffer.alloc(4)]
  const source = writePng({ ...kind, height: 1, stream: Buffer.concat(tooFar) })
  await expect(decode(source)).rejects.toMatchObject({ code: 'corrupt-image' })
})
