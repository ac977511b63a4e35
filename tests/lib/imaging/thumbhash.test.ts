import sharp from 'sharp'
import { rgbaToThumbHash, thumbHashToApproximateAspectRatio, thumbHashToRGBA } from 'thumbhash'
import { beforeAll, expect, test } from 'vitest'
import type { Bitmap } from '../../../lib/imaging/bitmap.ts'
import { hashThumbnail } from '../../../lib/imaging/thumbhash.ts'
import { readyCodec } from '../../../lib/imaging/wasm/module.ts'
import * as images from '../../support/images.ts'

beforeAll(readyCodec)

/** The picture that a page paints of a hash. */
function paintHash(hash: Uint8Array): Bitmap {
  const { w, h, rgba } = thumbHashToRGBA(hash)
  return { width: w, height: h, data: Buffer.from(rgba) }
}

const bytesOf = (bitmap: Bitmap) => Buffer.from(hashThumbnail(bitmap), 'base64')

test.each([
  [60, 40],
  [320, 240],
  [240, 320],
  [701, 467],
])('a picture of %dx%d hashes as one that sharp made small', async (width, height) => {
  const bitmap = images.sample(width, height)
  const raw = { width, height, channels: 4 as const }
  const { data, info } = await sharp(bitmap.data, { raw })
    .resize(100, 100, { fit: 'inside', withoutEnlargement: true })
    .raw()
    .toBuffer({ resolveWithObject: true })
  const expected = paintHash(rgbaToThumbHash(info.width, info.height, data))
  const painted = paintHash(bytesOf(bitmap))
  expect([painted.width, painted.height]).toEqual([expected.width, expected.height])
  // Coefficients have 16 steps: one that falls on the other side of a step shows as a few levels.
  const differences = painted.data.map((value, i) => Math.abs(value - (expected.data[i] ?? 0)))
  expect(Math.max(...differences)).toBeLessThan(8)
})

test('the painted placeholder has the colours of the picture where they are', () => {
  const painted = paintHash(bytesOf(images.paint(320, 240, (x) => images.COLOURS[x < 160 ? 'red' : 'blue'])))
  expect(images.corners(painted)).toEqual(['red', 'blue', 'red', 'blue'])
})

test('the colour of transparent pixels has no part in it', () => {
  const over = (hidden: images.Rgba) => (x: number) => (x % 7 < 4 ? hidden : images.COLOURS.red)
  const [one, other] = [
    images.paint(300, 200, over([0, 255, 0, 0])),
    images.paint(300, 200, over([0, 0, 0, 0])),
  ]
  expect(hashThumbnail(one)).toBe(hashThumbnail(other))
  const [red = 0, green = 0, , alpha = 0] = images.pixelAt(paintHash(bytesOf(one)), 10, 10)
  expect(red - green).toBeGreaterThan(150)
  expect(Math.abs(alpha - 255 * (3 / 7))).toBeLessThan(25)
})

test.each([
  [1, 1],
  [10_000, 1],
  [1, 10_000],
  [3000, 2000],
])('a picture of %dx%d has a hash of 30 bytes at most', (width, height) => {
  const hash = bytesOf(images.paint(width, height, () => images.COLOURS.cyan))
  expect(hash.length).toBeLessThanOrEqual(30)
  expect(Math.sign(thumbHashToApproximateAspectRatio(hash) - 1)).toBe(Math.sign(width - height))
  expect(images.colourAt(paintHash(hash), 0, 0)).toBe('cyan')
})

test('a picture of nothing but transparency has one, too', () => {
  expect(hashThumbnail(images.paint(200, 100, () => [9, 9, 9, 0]))).toMatch(/^[\w+/]+=*$/)
})
