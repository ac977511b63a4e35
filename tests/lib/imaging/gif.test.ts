import sharp from 'sharp'
import { beforeAll, expect, test } from 'vitest'
import type { Bitmap } from '../../../lib/imaging/bitmap.ts'
import { decodeGif } from '../../../lib/imaging/decode/gif.ts'
import { readGifHeader } from '../../../lib/imaging/headers/gif.ts'
import type { Size } from '../../../lib/imaging/operations.ts'
import { readyCodec, takeBack } from '../../../lib/imaging/wasm/module.ts'
import * as images from '../../support/images.ts'
import { tinyGif } from './bombs.ts'
import { expectPixelsOfSharp } from './box-means.ts'
import { makeGif } from './write-gif.ts'

beforeAll(readyCodec)

/** Decodes a GIF; the pixels are a copy. */
function decode(source: Buffer, target?: Size): Bitmap {
  const header = readGifHeader(source, () => {})
  const bitmap = decodeGif(source, header, target)
  const copy = { ...bitmap, data: Buffer.from(bitmap.data) }
  takeBack(bitmap.data)
  return copy
}

const LETTERS: Record<string, string> = {
  '0,0,0,255': 'K',
  '255,0,0,255': 'R',
  '0,255,0,255': 'G',
  '0,0,255,255': 'B',
  '0,0,0,0': '-',
}

/** The picture as letters, row by row. */
function letters(source: Buffer): string {
  const shown = decode(source)
  const row = (y: number) =>
    Array.from({ length: shown.width }, (_, x) => LETTERS[images.pixelAt(shown, x, y).join()] ?? '?').join('')
  return Array.from({ length: shown.height }, (_, y) => row(y)).join(' ')
}

/** The same pixels at every run. */
function noise(width: number, height: number, alphaOf: (x: number) => number = () => 255): Bitmap {
  let seed = 7
  return images.paint(width, height, (x) => {
    seed = (seed * 48_271) % 2_147_483_647
    return [seed & 255, (seed >> 8) & 255, (seed >> 16) & 255, alphaOf(x)]
  })
}

const toGif = ({ width, height, data }: Bitmap, progressive = false) =>
  sharp(data, { raw: { width, height, channels: 4 } })
    .gif({ progressive })
    .toBuffer()

test.each([
  ['few colours', await toGif(images.sample(301, 199))],
  ['noise, which fills the code table again and again', await toGif(noise(257, 131))],
  ['interlaced noise', await toGif(noise(67, 131), true)],
  ['noise with holes', await toGif(noise(67, 31, (x) => (x % 3 ? 255 : 0)))],
])('decodes %s to the pixels that sharp sees, and smaller to the means of these', (_, source) =>
  expectPixelsOfSharp(source, decode),
)

test('lays a frame where it lies on the screen, its transparent colour left out', () => {
  const source = makeGif([3, 3], { at: [1, 1], size: [2, 1], codes: ['clear', 1, 2, 'end'], transparent: 2 })
  expect(letters(source)).toBe('--- -R- ---')
})

/** Sent one by one, so that no code stands for two pixels. */
const singly = (pixels: number[]) => pixels.flatMap((pixel) => ['clear' as const, pixel])

test('puts interlaced rows where they belong', () => {
  const codes = [...singly([0, 1, 2, 3, 1]), 'end' as const]
  // Sent are the rows 0, 4, 2, 1, 3.
  expect(letters(makeGif([1, 5], { size: [1, 5], flags: 0x40, codes }))).toBe('K B G R R')
})

const nine = singly([0, 1, 2, 3, 0, 1, 2, 3, 0])

test.each([
  ['larger than its screen is cut off there', makeGif([2, 2], { size: [3, 3], codes: nine }), 'KR BK'],
  ['beyond its screen, too', makeGif([3, 2], { at: [1, 1], size: [3, 3], codes: nine }), '--- -KR'],
  ['outside its screen shows nothing', makeGif([2, 1], { at: [5, 5], size: [3, 3], codes: nine }), '--'],
])('a frame that is %s', (_, source, expected) => {
  expect(letters(source)).toBe(expected)
})

test('a frame counts by its own pixels, not only by those on the screen', () => {
  const sides: number[][] = []
  readGifHeader(tinyGif([1, 1], [60_000, 50_000]), (...size) => sides.push(size))
  expect(sides).toEqual([
    [1, 1],
    [60_000, 50_000],
  ])
})

test.each([
  [0, [0, 0, 0, 0, 0, 0], 'KKK KKK'],
  [1, [1, 0, 1, 1, 0, 1], 'RKR RKR'],
  [8, [1, 2, 3, 1, 2, 3], 'RGB RGB'],
  [9, [1, 2, 3, 1, 2, 3], 'RGB RGB'],
  [11, [1, 2, 3, 1, 2, 3], 'RGB RGB'],
])('takes a code size of %d', (codeSize, codes, expected) => {
  expect(letters(makeGif([3, 2], { size: [3, 2], codeSize, codes: ['clear', ...codes] }))).toBe(expected)
})

test('refuses a code size that leaves no room for the code that ends', () => {
  const source = makeGif([1, 1], { size: [1, 1], codeSize: 12, codes: ['clear', 1] })
  expect(() => decode(source)).toThrow('a GIF code size out of range')
})

const ofEight = (pixels: number, end: (number | 'end')[]) => ({
  size: [4, 2] as [number, number],
  codes: [...nine.slice(0, 2 * pixels), ...end],
})

test.each([
  ['the data end before all pixels', ofEight(3, ['end']), 'KRG- ----'],
  ['the blocks end before all pixels', ofEight(4, []), 'KRGB ----'],
  ['a code that does not exist follows half of the pixels', ofEight(4, [7, 1, 1]), 'KRGB ----'],
  ['there is no empty block and no trailer', { ...ofEight(8, []), rest: [] }, 'KRGB KRGB'],
  ['there is no trailer', { ...ofEight(8, []), rest: [0] }, 'KRGB KRGB'],
  [
    'an interlaced frame lacks rows, which show those above',
    { size: [1, 8] as [number, number], flags: 0x40, codes: nine.slice(0, 8), rest: [] },
    'K K G G R R B B',
  ],
])('shows what is there where %s', (_, frame, expected) => {
  expect(letters(makeGif(frame.size, frame))).toBe(expected)
})

test.each([
  ['first', ofEight(0, [6, 1, 1])],
  ['before half of the pixels', ofEight(3, [7, 1, 1])],
])('refuses a code that does not exist, %s', (_, frame) => {
  expect(() => decode(makeGif([4, 2], frame))).toThrow('more than half of it is missing or damaged')
})

test('cut off anywhere it is refused, or shows all that was there before and nothing else', async () => {
  const source = await toGif(noise(40, 30))
  const whole = decode(source).data
  const other = await toGif(images.sample(40, 30))
  let shown = 0
  for (let length = source.length - 1; length > source.length / 3; length -= 7) {
    const cut = source.subarray(0, length)
    try {
      const { data } = decode(cut)
      const end = data.findLastIndex((byte) => byte !== 0) + 1
      expect(end).toBeGreaterThanOrEqual(whole.length / 2)
      expect(data.subarray(0, end).equals(whole.subarray(0, end))).toBe(true)
      decode(other)
      expect(decode(cut).data.equals(data)).toBe(true)
      shown++
    } catch (error) {
      expect(error).toMatchObject({ code: 'corrupt-image' })
    }
  }
  expect(shown).toBeGreaterThan(100)
})
