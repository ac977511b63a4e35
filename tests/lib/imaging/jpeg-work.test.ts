import { expect, test } from 'vitest'
import type { AppError } from '../../../lib/errors.ts'
import { decodeScaled, type Scale } from '../../../lib/imaging/decode/jpeg.ts'
import { readJpegHeader } from '../../../lib/imaging/headers/jpeg.ts'
import { takeBack } from '../../../lib/imaging/wasm/module.ts'

const segment = (marker: number, content: readonly number[]) =>
  Buffer.from([0xff, marker, (content.length + 2) >> 8, (content.length + 2) & 255, ...content])

/** A table with the single code 0, of one bit. */
const table = (id: number, symbol: number) => segment(0xc4, [id, 1, ...new Array(15).fill(0), symbol])

type Frame = { marker: number; width: number; height: number; components: number; ac?: number }

/** All before the first scan: DC code 0 is for no difference, AC code 0 for the symbol `ac`. */
const head = ({ marker, width, height, components, ac = 0 }: Frame) => {
  const ids = Array.from({ length: components }, (_, i) => [i + 1, 0x11, 0]).flat()
  const sides = [height >> 8, height & 255, width >> 8, width & 255]
  return Buffer.concat([
    Buffer.from([0xff, 0xd8]),
    segment(0xdb, [0, ...new Array(64).fill(8)]),
    segment(marker, [8, ...sides, components, ...ids]),
    table(0x00, 0),
    table(0x10, ac),
  ])
}

/** A scan over components, of a band, with the bits that come before and after (`Ah << 4 | Al`), and its data. */
const scan = (ids: number[], [start, end]: [number, number], bits: number, data = Buffer.alloc(0)) =>
  Buffer.concat([segment(0xda, [ids.length, ...ids.flatMap((id) => [id, 0]), start, end, bits]), data])

const repeat = (count: number, make: (i: number) => Buffer) =>
  Buffer.concat(Array.from({ length: count }, (_, i) => make(i)))

/** The colours that a file shows or why it was refused, and how long that takes the processor. */
async function work(source: Buffer, scale: Scale) {
  const header = readJpegHeader(source, () => {})
  const before = process.cpuUsage()
  const found = await decodeScaled(source, header, scale).catch((error: AppError) => error)
  const { user, system } = process.cpuUsage(before)
  const seconds = (user + system) / 1e6
  if (found instanceof Error) return { refused: found.message, code: found.code, seconds }
  const colours = [...new Set(found.data)].sort((one, other) => one - other)
  takeBack(found.data)
  return { colours, seconds }
}

const TOO_MUCH = {
  code: 'corrupt-image',
  refused: 'The image cannot be decoded: it takes more work than any picture of its size',
}

/** 49 million pixels: 768,320 blocks of a component. */
const [width, height] = [7168, 6860]
const blocks = 896 * 858
const bits = (count: number) => Buffer.alloc(Math.ceil(count / 8))

// Each takes a tenth of a second or two; a machine four times slower and a generous deadline on top.
const SOON = 10

test('scans over all components, over and over, are refused', async () => {
  const ids = [1, 2, 3]
  const progressive = Buffer.concat([
    head({ marker: 0xc2, width, height, components: 3 }),
    scan(ids, [0, 0], 0, bits(blocks * 3)),
    repeat(99, () => scan(ids, [0, 0], 0x10)),
  ])
  const sequential = Buffer.concat([
    head({ marker: 0xc0, width, height, components: 3 }),
    repeat(100, () => scan([1], [0, 63], 0, bits(blocks * 2))),
  ])
  for (const source of [progressive, sequential]) {
    const found = await work(source, 1)
    expect(found).toMatchObject(TOO_MUCH)
    expect(found.seconds).toBeLessThan(SOON)
  }
})

test('a valid picture of 100 scans, as large as may be, is decoded', async () => {
  // A run of 16,384 blocks or more whose code is 0 and whose further bits are 1.
  const run = Buffer.from('7fff', 'hex')
  const runs = Buffer.concat(Array.from({ length: Math.ceil(blocks / 32_767) }, () => stuffed(run)))
  const source = Buffer.concat([
    head({ marker: 0xc2, width, height, components: 1, ac: 0xe0 }),
    scan([1], [0, 0], 13, bits(blocks)),
    repeat(13, (i) => scan([1], [0, 0], ((13 - i) << 4) | (12 - i), bits(blocks))),
    repeat(63, (i) => scan([1], [i + 1, i + 1], 1, runs)),
    repeat(23, (i) => scan([1], [i + 1, i + 1], 0x10, runs)),
  ])
  const { colours, seconds } = await work(source, 2)
  expect(colours).toEqual([128, 255])
  expect(seconds).toBeLessThan(SOON)
})

test('restart markers without end take no longer than their bytes', async () => {
  const frame = head({ marker: 0xc0, width, height, components: 1 })
  const restarts = segment(0xdd, [0, 1])
  const markers = (bytes: number[], step: number) =>
    Buffer.from(
      Uint8Array.from({ length: blocks * 2 * bytes.length }, (_, i) => {
        const byte = bytes[i % bytes.length] ?? 0
        return byte === 0xd0 ? byte + ((Math.floor(i / bytes.length) * step) & 7) : byte
      }),
    )
  const [inOrder, apart] = [markers([0xff, 0xd0], 1), markers([0, 0xff, 0xd0], 3)]
  for (const data of [inOrder, apart]) {
    const source = Buffer.concat([frame, restarts, scan([1], [0, 63], 0, data)])
    for (const scale of [1, 2] as const) {
      const { code, seconds } = await work(source, scale)
      expect([undefined, 'corrupt-image']).toContain(code)
      expect(seconds).toBeLessThan(SOON)
    }
  }
})

/** A zero behind each byte of ones (T.81, F.1.2.3). */
function stuffed(data: Buffer): Buffer {
  return Buffer.from([...data].flatMap((byte) => (byte === 0xff ? [0xff, 0] : [byte])))
}
