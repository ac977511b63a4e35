import { Jimp } from 'jimp'
import { beforeAll, expect, test } from 'vitest'
import type { Bitmap } from '../../../lib/imaging/bitmap.ts'
import { toImage } from '../../../lib/imaging/jimp.ts'
import { prescale } from '../../../lib/imaging/resize-bitmap.ts'
import { readyCodec } from '../../../lib/imaging/wasm/module.ts'
import * as images from '../../support/images.ts'

beforeAll(readyCodec)

const resize = (bitmap: Bitmap, w: number, h: number): Bitmap =>
  toImage({ ...bitmap }).resize({ w, h }).bitmap

/** The greatest difference of a channel from what a function of the place says. */
function worst(bitmap: Bitmap, at: (x: number, y: number) => readonly number[]): number {
  let most = 0
  for (let y = 0; y < bitmap.height; y++) {
    for (let x = 0; x < bitmap.width; x++) {
      const wanted = at(x, y)
      for (const [i, value] of images.pixelAt(bitmap, x, y).entries())
        most = Math.max(most, Math.abs(value - (wanted[i] ?? 0)))
    }
  }
  return most
}

// Thumbnails, which Jimp ends, and larger ones; smaller, larger, and one side each than what they are made of.
const sizes = [
  [320, 320],
  [1, 1],
  [319, 7],
  [321, 240],
  [700, 3],
  [5, 700],
] as const

test.each(
  sizes.flatMap((to) =>
    [
      [640, 480],
      [33, 500],
      [1, 1],
      [3, 2],
    ].map((from) => [...from, ...to] as const),
  ),
)('keeps one colour as it is, from %dx%d to %dx%d', (width, height, w, h) => {
  for (const colour of [
    [255, 255, 255, 255],
    [201, 50, 3, 255],
    [0, 0, 0, 255],
  ] as const) {
    const made = resize(
      images.paint(width, height, () => colour),
      w,
      h,
    )
    expect(made).toMatchObject({ width: w, height: h })
    expect(made.data.length).toBe(w * h * 4)
    expect(worst(made, () => colour)).toBe(0)
  }
})

test.each([
  [320, 240],
  [600, 450],
])('keeps a slope where it is, to %dx%d', (w, h) => {
  const source = images.paint(900, 675, (x, y) => [(x + 0.5) / 4, (y + 0.5) / 3, 100, 255])
  const made = resize(source, w, h)
  const near = worst(made, (x, y) => [((x + 0.5) * 900) / w / 4, ((y + 0.5) * 675) / h / 3, 100, 255])
  expect(near).toBeLessThanOrEqual(3)
})

test.each([
  [200, 150],
  [400, 300],
])('takes the extent that the picture has in the bitmap, to %dx%d', (w, h) => {
  // White beyond the picture must not be seen.
  const [width, height] = [500.25, 375.75]
  const source = images.paint(504, 378, (x, y) =>
    x > width || y > height ? [255, 255, 255, 255] : [(x + 0.5) / 2.5, (y + 0.5) / 2.5, 60, 255],
  )
  const made = resize({ ...source, extent: { width, height } }, w, h)
  expect(made.extent).toBeUndefined()
  const near = worst(made, (x, y) => [
    ...[((x + 0.5) * width) / w / 2.5, ((y + 0.5) * height) / h / 2.5],
    ...[60, 255],
  ])
  expect(near).toBeLessThanOrEqual(3)
})

test.each([
  [100, 50],
  [400, 200],
])('lets what is transparent give no colour, to %dx%d', (w, h) => {
  const source = images.paint(800, 400, (x) => (x < 400 ? [0, 255, 0, 0] : [255, 0, 0, 255]))
  const made = resize(source, w, h)
  for (let x = 0; x < w; x++) {
    const [red = 0, green = 0, blue = 0, alpha = 0] = images.pixelAt(made, x, h >> 1)
    if (alpha > 8) expect([red, green, blue], `at ${x}`).toEqual([255, 0, 0])
  }
  expect([images.pixelAt(made, 2, 2)[3], images.pixelAt(made, w - 3, 2)[3]]).toEqual([0, 255])
})

test.each([
  [900, 675],
  [500, 375],
  [200, 150],
])('Jimp itself makes 320x240 of 640x480, from %dx%d', (width, height) => {
  const source = images.paint(width, height, (x, y) => [(x * 7) & 255, (y * 5) & 255, (x * y) & 255, 255])
  const { twice } = prescale(source, { width: 320, height: 240 })
  expect(twice).toMatchObject({ width: 640, height: 480 })
  const byJimp = new Jimp({ ...twice, data: Buffer.from(twice.data) }).resize({ w: 320, h: 240 }).bitmap
  expect(resize(source, 320, 240).data.equals(byJimp.data)).toBe(true)
})
