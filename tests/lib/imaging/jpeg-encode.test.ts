import { Jimp } from 'jimp'
import sharp from 'sharp'
import { expect, test } from 'vitest'
import type { Bitmap } from '../../../lib/imaging/bitmap.ts'
import { encodeJpeg } from '../../../lib/imaging/encode/jpeg.ts'
import { compare } from '../../../scripts/bench/imaging/likeness.ts'
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
    const seen = await images.pixels(await encodeJpeg(bitmap, quality))
    expect(seen).toMatchObject({ width, height })
    expect(worst(seen, bitmap)).toBeLessThanOrEqual(most)
  }
})

test('is as near to the picture as jpeg-js at the same quality, in no more bytes', async () => {
  const bitmap = images.sample(200, 150)
  const theirs = await images.jpeg(bitmap, 95)
  const ours = await encodeJpeg(bitmap, 95)
  expect(ours.length).toBeLessThanOrEqual(theirs.length)
  expect(worst(await images.pixels(ours), bitmap)).toBeLessThanOrEqual(
    worst(await images.pixels(theirs), bitmap) + 2,
  )
})

test('writes sharp edges at the best and at the worst quality', async () => {
  const noise = images.paint(64, 64, (x, y) =>
    (x * 7 + y * 13) % 5 < 2 ? images.COLOURS.white : images.COLOURS.black,
  )
  const large = await encodeJpeg(noise, 100)
  expect(large.length).toBeGreaterThan(64 * 64)
  expect(worst(await images.pixels(large), noise)).toBeLessThanOrEqual(6)
  const { bitmap } = await Jimp.fromBuffer(await encodeJpeg(noise, 1))
  expect(bitmap).toMatchObject({ width: 64, height: 64 })
})

test('shares colours between 2x2 pixels below quality 90 only', async () => {
  const sampling = async (quality: number) => {
    const source = await encodeJpeg(slope(16, 16), quality)
    return source[source.indexOf(Buffer.from([0xff, 0xc0])) + 11]
  }
  expect(await sampling(89)).toBe(0x22)
  expect(await sampling(90)).toBe(0x11)
})

test('lays what is transparent on white', async () => {
  const bitmap = images.paint(32, 16, (x) => (x < 16 ? [0, 0, 0, 0] : [255, 0, 0, 128]))
  const seen = await images.pixels(await encodeJpeg(bitmap, 95))
  for (const [x, colour] of [
    [4, [255, 255, 255, 255]],
    [28, [255, 127, 127, 255]],
  ] as const)
    for (const [i, value] of images.pixelAt(seen, x, 8).entries())
      expect(Math.abs(value - (colour[i] ?? 0))).toBeLessThanOrEqual(3)
})

test('makes the same file of as many bytes as libjpeg with codes for the image', async () => {
  const bitmap = images.paint(203, 117, (x, y) => {
    const grain = (x * 7919 + y * 104_729 + x * y * 31) % 61
    return [90 + 60 * Math.sin(x / 9) + grain, 110 + 50 * Math.cos(y / 7) + grain, 140 - grain, 255]
  })
  const { width, height, data } = bitmap
  for (const quality of [30, 80, 95]) {
    const theirs = await sharp(data, { raw: { width, height, channels: 4 } })
      .flatten()
      .jpeg({ quality, chromaSubsampling: quality < 90 ? '4:2:0' : '4:4:4' })
      .toBuffer()
    const ours = await encodeJpeg(bitmap, quality)
    expect(ours.length / theirs.length).toBeLessThan(1.01)
    expect((await compare(ours, theirs)).psnr).toBeGreaterThan(40)
  }
})
