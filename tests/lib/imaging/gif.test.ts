import { Jimp } from 'jimp'
import { expect, test } from 'vitest'
import { decodeGif } from '../../../lib/imaging/decode/gif.ts'
import { readGifHeader } from '../../../lib/imaging/headers/gif.ts'
import * as images from '../../support/images.ts'
import { tinyGif } from './bombs.ts'

type Frame = {
  at: [number, number]
  size: [number, number]
  flags?: number
  codes: number[]
  transparent?: number
}

const decode = (source: Buffer) =>
  decodeGif(
    source,
    readGifHeader(source, () => {}),
  )

const u16 = (...values: number[]) => values.flatMap((value) => [value & 255, value >> 8])

/** A GIF of four colours (black, red, green, blue), its codes of 3 bits as given: 4 clears, 5 ends. */
function makeGif(screen: [number, number], { at, size, flags = 0, codes, transparent }: Frame): Buffer {
  const bits = codes.map((code) => code.toString(2).padStart(3, '0')).toReversed()
  const data = [
    ...Buffer.from(
      BigInt(`0b${bits.join('')}`)
        .toString(16)
        .padStart(2 * Math.ceil((codes.length * 3) / 8), '0'),
      'hex',
    ),
  ]
  const palette = [0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255]
  const control = transparent === undefined ? [] : [0x21, 0xf9, 4, 1, 0, 0, transparent, 0]
  return Buffer.from([
    ...Buffer.from('GIF89a'),
    ...u16(...screen),
    ...[0x81, 0, 0, ...palette],
    ...control,
    ...[0x2c, ...u16(...at, ...size), flags],
    ...[2, data.length, ...data.toReversed(), 0, 0x3b],
  ])
}

test.each([
  ['few colours', () => images.sample(301, 199)],
  ['noise, which fills the code table again and again', () => noise(257, 131)],
])('decodes %s to the pixels that Jimp sees', async (_, paint) => {
  const source = await images.gif(paint())
  const { width, height, data } = (await Jimp.fromBuffer(source)).bitmap
  expect(decode(source)).toMatchObject({ width, height })
  expect(decode(source).data.equals(data)).toBe(true)
})

/** The same pixels at every run. */
function noise(width: number, height: number) {
  let seed = 7
  return images.paint(width, height, () => {
    seed = (seed * 48_271) % 2_147_483_647
    return [seed & 255, (seed >> 8) & 255, (seed >> 16) & 255, 255]
  })
}

test('lays a frame where it lies on the screen, its transparent colour left out', () => {
  const source = makeGif([3, 3], { at: [1, 1], size: [2, 1], codes: [4, 1, 2, 5], transparent: 2 })
  const shown = decode(source)
  const seen = [0, 1, 2, 3, 4, 5, 6, 7, 8].map((i) => images.pixelAt(shown, i % 3, Math.floor(i / 3)))
  expect(seen.map(([red, , , alpha]) => [red, alpha])).toEqual(
    [0, 0, 0, 0, 1, 0, 0, 0, 0].map((isRed) => (isRed ? [255, 255] : [0, 0])),
  )
})

test('puts interlaced rows where they belong', () => {
  const codes = [4, 0, 4, 1, 4, 2, 4, 3, 4, 1, 5]
  const shown = decode(makeGif([1, 5], { at: [0, 0], size: [1, 5], flags: 0x40, codes }))
  // Sent are the rows 0, 4, 2, 1, 3.
  expect([0, 1, 2, 3, 4].map((y) => images.colourAt(shown, 0, y))).toEqual([
    'black',
    'blue',
    'green',
    'red',
    'red',
  ])
})

test('leaves what a frame does not fill transparent', () => {
  const shown = decode(makeGif([2, 1], { at: [0, 0], size: [2, 1], codes: [4, 1, 5] }))
  expect([images.pixelAt(shown, 0, 0), images.pixelAt(shown, 1, 0)]).toEqual([
    [255, 0, 0, 255],
    [0, 0, 0, 0],
  ])
})

test.each([
  ['first', [4, 6]],
  ['later', [4, 1, 7]],
])('refuses a code that does not exist yet, %s', (_, codes) => {
  expect(() => decode(makeGif([4, 4], { at: [0, 0], size: [4, 4], codes }))).toThrow(
    'a GIF code that does not exist',
  )
})

test('refuses a frame that leaves its screen', () => {
  expect(() => decode(tinyGif([4, 4], [4, 4], [1, 0]))).toThrow('a GIF frame larger than its screen')
})
