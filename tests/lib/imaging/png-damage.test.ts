import { deflateSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { decodePng } from '../../../lib/imaging/decode/png.ts'
import { readPngHeader } from '../../../lib/imaging/headers/png.ts'
import { takeBack } from '../../../lib/imaging/wasm/module.ts'
import { digestOf } from './fuzz.ts'
import { fuzzPng } from './fuzz-png.ts'
import { KINDS, noiseRows, type PngKind, rowsOf, writePng } from './write-png.ts'

/** Decodes to boxes of a side; the pixels stay lent. */
async function open(source: Buffer, side = 1) {
  const header = readPngHeader(source, () => {})
  const target = { width: header.width / (2 * side), height: header.height / (2 * side) }
  return decodePng(source, header, side === 1 ? undefined : target)
}

/** The pixels as numbers, RGBA from the highest byte. */
async function decode(source: Buffer, side = 1): Promise<number[]> {
  const { data } = await open(source, side)
  const pixels = Array.from({ length: data.length / 4 }, (_, i) => data.readUInt32BE(i * 4))
  takeBack(data)
  return pixels
}

const corrupt = { code: 'corrupt-image', status: 422 }

const rgb = { width: 60, height: 40, depth: 8, colourType: 2 }
const rows = noiseRows(rgb)
const whole = writePng({ ...rgb, stream: deflateSync(rows) })
const withStream = (stream: Buffer) => writePng({ ...rgb, stream })

test.each([
  ['without IDAT', writePng({ ...rgb, cut: () => [] })],
  ['with an empty IDAT', withStream(Buffer.alloc(0))],
  ['with the header of its stream alone', withStream(deflateSync(rows).subarray(0, 2))],
  ['with a third of its rows', withStream(deflateSync(rows.subarray(0, rows.length / 3)))],
  ['cut off after a third', whole.subarray(0, whole.length / 3)],
  ['cut off before its pixels', whole.subarray(0, 35)],
  ['whose stream is no zlib stream', withStream(Buffer.alloc(8000, 7))],
  [
    'whose stream needs a dictionary',
    withStream(
      Buffer.concat([Buffer.from([0x78, 0x20 + 31 - (0x7820 % 31)]), deflateSync(rows).subarray(2)]),
    ),
  ],
])('a picture %s is refused, each time', async (_, source) => {
  for (let i = 0; i < 3; i++) {
    takeBack((await open(whole)).data)
    await expect(open(source)).rejects.toMatchObject(corrupt)
  }
})

/** The first rows of a picture of 48x33, whose others are missing. */
function cutRows(kind: PngKind, rows: number): Buffer {
  const sent = rowsOf(kind).slice(0, rows)
  const bytes = sent.reduce((sum, row) => sum + row.bytes + 1, 0)
  return writePng({
    ...kind,
    stream: deflateSync(noiseRows(kind).subarray(0, bytes)),
  })
}

test.each([1, 3])(
  'what is missing of the second half is grey, or transparent: in boxes of %d px',
  async (side) => {
    for (const kind of KINDS) {
      const picture = { ...kind, width: 48, height: 33 }
      const full = await decode(writePng({ ...picture }), side)
      const cut = await decode(cutRows(picture, 21), side)
      const there = (48 / side) * (21 / side)
      expect(cut.slice(0, there)).toEqual(full.slice(0, there))
      expect(new Set(cut.slice(there))).toEqual(new Set([kind.colourType >= 4 ? 0 : 0x808080ff]))
      await expect(open(cutRows(picture, 16), side)).rejects.toMatchObject(corrupt)
    }
  },
)

test('of an interlaced picture, neighbours stand for what is missing of the second half', async () => {
  for (const kind of KINDS) {
    const picture = { ...kind, width: 48, height: 33, interlaced: true }
    const full = await decode(writePng({ ...picture }))
    // Of the 16 odd rows, which come last, six.
    const cut = await decode(cutRows(picture, rowsOf(picture).length - 10))
    const row = (pixels: number[], y: number) => pixels.slice(y * 48, (y + 1) * 48)
    for (let y = 0; y < 33; y++) {
      const isThere = y % 2 === 0 || y < 12
      expect(row(cut, y)).toEqual(row(full, isThere ? y : y - 1))
    }
    const boxes = await decode(writePng({ ...picture }), 3)
    expect((await decode(cutRows(picture, rowsOf(picture).length - 10), 3)).slice(0, 64)).toEqual(
      boxes.slice(0, 64),
    )
  }
})

test('where an interlaced picture of one colour is cut makes no difference, whatever the size of boxes', async () => {
  for (const [width, height] of [
    [21, 17],
    [16, 1],
    [3, 3],
    [8, 8],
  ] as const) {
    const picture = { width, height, depth: 8, colourType: 6, interlaced: true }
    const rows = rowsOf(picture).map(({ pixels }) => Buffer.from(`00${'60a0e050'.repeat(pixels)}`, 'hex'))
    for (let left = 1; left <= rows.length; left++) {
      const source = writePng({ ...picture, stream: deflateSync(Buffer.concat(rows.slice(0, left))) })
      const sent = rowsOf(picture)
        .slice(0, left)
        .reduce((sum, { pixels }) => sum + pixels, 0)
      for (const side of [1, 2, 3, 5]) {
        if (side > Math.min(width, height)) continue
        if (sent * 2 < width * height) await expect(open(source, side)).rejects.toMatchObject(corrupt)
        else expect(new Set(await decode(source, side))).toEqual(new Set([0x60a0e050]))
      }
    }
  }
})

test('damage within the stream or a filter that does not exist is where the data ends', async () => {
  const full = await decode(whole)
  const broken = Buffer.from(rows)
  broken[(3 * 60 + 1) * 30] = 5
  const filtered = await decode(withStream(deflateSync(broken)))
  expect(filtered.slice(0, 60 * 30)).toEqual(full.slice(0, 60 * 30))
  expect(new Set(filtered.slice(60 * 30))).toEqual(new Set([0x808080ff]))
  broken[(3 * 60 + 1) * 10] = 5
  await expect(open(withStream(deflateSync(broken)))).rejects.toMatchObject(corrupt)
  // Of stored blocks the last has a length that contradicts its complement.
  const large = { width: 500, height: 80, depth: 8, colourType: 2 }
  const stream = deflateSync(noiseRows(large), { level: 0 })
  let block = 2
  while (stream[block] === 0) block += 5 + stream.readUInt16LE(block + 1)
  stream.writeUInt8((stream[block + 3] ?? 0) ^ 1, block + 3)
  expect((await decode(writePng({ ...large, stream }))).at(-1)).toBe(0x808080ff)
})

test('what a picture shows does not depend on those before it', async () => {
  const cuts = KINDS.flatMap((kind) =>
    [false, true].map((interlaced) => {
      const picture = { ...kind, width: 61, height: 47, interlaced }
      const stream = deflateSync(noiseRows(picture))
      return writePng({ ...picture, stream: stream.subarray(0, stream.length * 0.8) })
    }),
  )
  const digests = (sources: Buffer[], side: number) =>
    Promise.all(sources.map(async (source) => (await digestOf(() => open(source, side))).digest))
  for (const side of [1, 4]) {
    const first = await digests(cuts, side)
    expect(await digests(cuts.toReversed(), side)).toEqual(first.toReversed())
  }
})

test('blocks that bring codes and say nothing may be many, but not most of the data: their work has a bound', async () => {
  const pixels = deflateSync(rows).subarray(2)
  const after = (blocks: number) =>
    withStream(Buffer.concat([Buffer.from([0x78, 0x01]), emptyBlocks(blocks), pixels]))
  expect(await decode(after(800))).toEqual(await decode(whole))
  await expect(open(after(40_000))).rejects.toMatchObject(corrupt)
})

/** So many dynamic blocks of deflate, a multiple of 8, each with codes for the end of a block only, and that end. */
function emptyBlocks(count: number): Buffer {
  const put = (value: number, bits: number) => Array.from({ length: bits }, (_, i) => (value >> i) & 1)
  // Not the last, dynamic, 257 literals, 1 distance; of the 18 lengths of codes that follow those for 18 and 1 are one bit.
  const head = [put(0, 1), put(2, 2), put(0, 5), put(0, 5), put(14, 4)]
  const lengths = [0, 0, 1, ...new Array(14).fill(0), 1].map((length) => put(length, 3))
  // 138 and 118 zeros by code 18, which is 1; lengths of 1 by code 0, for the end of the block and a distance; then that end.
  const codes = [[1], put(127, 7), [1], put(107, 7), [0, 0, 0]]
  const bits = [...head, ...lengths, ...codes].flat()
  const eight = Array.from({ length: 8 }, () => bits).flat()
  const bytes = eight.join('').match(/.{8}/g) ?? []
  const block = Buffer.from(bytes.map((byte) => Number.parseInt([...byte].reverse().join(''), 2)))
  return Buffer.alloc((block.length * count) / 8, block)
}

test('whatever is broken in a file, it decodes or is refused, soon and the same each time', async () => {
  const { decoded, refused, traps, strays, unstable, slowestMs } = await fuzzPng(2000)
  expect({ traps, strays, unstable }).toEqual({ traps: [], strays: [], unstable: [] })
  expect(decoded).toBeGreaterThan(400)
  expect(refused).toBeGreaterThan(400)
  expect(slowestMs).toBeLessThan(1000)
})
