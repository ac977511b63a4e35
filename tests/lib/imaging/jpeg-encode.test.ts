import { Jimp } from 'jimp'
import { expect, test } from 'vitest'
import type { Bitmap } from '../../../lib/imaging/bitmap.ts'
import { encodeJpeg } from '../../../lib/imaging/jpeg/encode.ts'
import * as images from '../../support/images.ts'

/** The greatest difference of one channel of one pixel. */
function worst(one: Bitmap, other: Bitmap): number {
  let most = 0
  for (const [i, value] of one.data.entries()) most = Math.max(most, Math.abs(value - (other.data[i] ?? 0)))
  return most
}

const slope = (width: number, height: number) =>
  images.paint(width, height, (x, y) => [40 + 3 * x, 200 - 2 * y, 100 + x - y, 255])

test.each([
  [1, 1],
  [7, 9],
  [8, 8],
  [16, 16],
  [17, 33],
  [50, 1],
  [1, 50],
])('encodes %dx%d so that another decoder sees the same pixels', async (width, height) => {
  const bitmap = slope(width, height)
  for (const [quality, most] of [
    [100, 3],
    [90, 10],
    [80, 16],
  ] as const) {
    const seen = await images.pixels(encodeJpeg(bitmap, quality))
    expect(seen).toMatchObject({ width, height })
    expect(worst(seen, bitmap)).toBeLessThanOrEqual(most)
  }
})

test('is as near to the picture as jpeg-js at the same quality, in no more bytes', async () => {
  const bitmap = images.sample(200, 150)
  const theirs = await images.jpeg(bitmap, 95)
  const ours = encodeJpeg(bitmap, 95)
  expect(ours.length).toBeLessThanOrEqual(theirs.length * 1.01)
  expect(worst(await images.pixels(ours), bitmap)).toBeLessThanOrEqual(
    worst(await images.pixels(theirs), bitmap) + 2,
  )
})

test('writes more bytes than it reserved, and sharp edges at the worst quality', async () => {
  const noise = images.paint(64, 64, (x, y) =>
    (x * 7 + y * 13) % 5 < 2 ? images.COLOURS.white : images.COLOURS.black,
  )
  const large = encodeJpeg(noise, 100)
  expect(large.length).toBeGreaterThan(64 * 64)
  expect(worst(await images.pixels(large), noise)).toBeLessThanOrEqual(6)
  const { bitmap } = await Jimp.fromBuffer(encodeJpeg(noise, 1))
  expect(bitmap).toMatchObject({ width: 64, height: 64 })
})

test('shares colours between 2x2 pixels below quality 90 only', () => {
  const sampling = (source: Buffer) => source[source.indexOf(Buffer.from([0xff, 0xc0])) + 11]
  expect(sampling(encodeJpeg(slope(16, 16), 89))).toBe(0x22)
  expect(sampling(encodeJpeg(slope(16, 16), 90))).toBe(0x11)
})
