import sharp, { type Sharp } from 'sharp'
import { describe, expect, test } from 'vitest'
import type { Bitmap } from '../../../lib/imaging/bitmap.ts'
import * as images from '../../support/images.ts'
import { compare, open, rawOf } from '../../support/reference.ts'
import { fading, make, SOURCES, scene } from './scenes.ts'

const LUMA = [0.2126, 0.7152, 0.0722, 0]

/** What sharp does for an operation. */
const reference: Record<string, (image: Sharp, numbers: number[]) => Sharp> = {
  resize: (image, [width, height]) => image.resize(width, height, { fit: 'fill' }),
  fit: (image, [width, height]) => image.resize(width, height, { fit: 'inside', withoutEnlargement: true }),
  cover: (image, [width, height]) => image.resize(width, height, { fit: 'cover' }),
  crop: (image, [left = 0, top = 0, width = 0, height = 0]) => image.extract({ left, top, width, height }),
  grayscale: (image) => image.recomb([LUMA, LUMA, LUMA, [0, 0, 0, 1]] as never),
  rotate: (image, [degrees]) => image.rotate(degrees),
  'flip:h': (image) => image.flop(),
  'flip:v': (image) => image.flip(),
}

async function expected(source: Buffer, transformations: string[]): Promise<Bitmap> {
  let bitmap = await rawOf(sharp(source).autoOrient())
  for (const text of transformations) {
    const [name = '', numbers = ''] = text.split(':')
    const step = reference[text] ?? reference[name] ?? expect.fail(`no reference for ${text}`)
    bitmap = await rawOf(step(open(bitmap), numbers.split(/[x,]/).map(Number)))
  }
  return bitmap
}

describe.each(Object.entries(SOURCES))('of a source that is %s', (_, source) => {
  // Pixels are only moved or dropped, or weighed one by one: all that may differ is what the two JPEG decoders round.
  test.each([
    [[]],
    [['crop:13,17,301,207']],
    [['crop:399,0,1,400']],
    [['rotate:90']],
    [['rotate:180']],
    [['rotate:270']],
    [['flip:h']],
    [['flip:v']],
    [['fit:900x900']],
    [['grayscale']],
    [['crop:20,30,300,200', 'rotate:90', 'flip:h']],
    [['rotate:90', 'crop:20,30,300,200', 'flip:v', 'grayscale']],
  ])('%j is what sharp makes, to the pixel', async (transformations) => {
    const { made } = await make(source, transformations)
    const { mean, most } = compare(made, await expected(source, transformations))
    expect(most).toBeLessThanOrEqual(4)
    expect(mean).toBeLessThan(0.75)
  })

  // Kernels differ: Jimp averages, sharp has Lanczos, which overshoots at edges; a crop to an aspect may begin half a
  // pixel beside sharp's, and sharp enlarges with a shift of half a pixel. So single pixels of edges may be far apart,
  // and the mean and the noise say whether it is the same picture: a shift by one pixel would fail.
  test.each([
    [['resize:150x100']],
    [['resize:211x97']],
    [['resize:500x390']],
    [['resize:700x450']],
    [['resize:80x60']],
    [['fit:200x200']],
    [['cover:200x200']],
    [['cover:100x300']],
    [['cover:640x400']],
    [['fit:300x300', 'rotate:90', 'crop:10,10,100,100']],
    [['cover:300x300', 'grayscale', 'flip:h', 'resize:120x80']],
  ])('%j is what sharp makes, but for the kernel', async (transformations) => {
    const { made } = await make(source, transformations)
    const { mean, psnr } = compare(made, await expected(source, transformations))
    expect(mean).toBeLessThan(2)
    expect(psnr).toBeGreaterThan(28)
  })
})

test('operations are applied in the order in which they are given', async () => {
  const [one, other] = [
    ['crop:0,0,100,100', 'rotate:90'],
    ['rotate:90', 'crop:0,0,100,100'],
  ] as const
  const [first, second] = [await make(SOURCES.opaque, [...one]), await make(SOURCES.opaque, [...other])]
  expect(compare(first.made, await expected(SOURCES.opaque, [...one])).most).toBe(0)
  expect(compare(second.made, await expected(SOURCES.opaque, [...other])).most).toBe(0)
  expect(compare(first.made, second.made).mean).toBeGreaterThan(20)
})

// sharp's own grayscale weighs linear light, which makes saturated colours lighter; ours weighs the values as they are
// stored, as the filter of CSS does. On greys the two agree.
test('grayscale weighs by Rec. 709, without a change to linear light', async () => {
  const colours = [images.COLOURS.grey, [255, 0, 0, 255], [0, 255, 0, 255], [0, 0, 255, 255]] as const
  const source = await images.png(images.paint(4, 1, (x) => colours[x] ?? images.COLOURS.black))
  const levels = ({ data }: Bitmap) => [0, 4, 8, 12].map((at) => data[at])
  expect(levels((await make(source, ['grayscale'])).made)).toEqual([128, 54, 182, 18])
  expect([...(await sharp(source).grayscale().raw().toBuffer())]).toEqual([128, 127, 220, 76])
})

test('PNG is the picture itself, with and without transparency', async () => {
  for (const [source, bitmap] of [
    [SOURCES.opaque, scene()],
    [SOURCES.transparent, fading],
  ] as const)
    expect((await make(source, ['format:png'])).made.data.equals(bitmap.data)).toBe(true)
})

test('JPEG lays what is transparent on white, as sharp does when told to', async () => {
  const { made } = await make(SOURCES.transparent, ['format:jpeg', 'quality:95'])
  const flat = await rawOf(sharp(SOURCES.transparent).flatten({ background: '#fff' }))
  const { mean, psnr } = compare(made, flat)
  expect(mean).toBeLessThan(1)
  expect(psnr).toBeGreaterThan(40)
})

test.each([0, 1, 51])('the colour of pixels of alpha %d does not bleed into others', async (alpha) => {
  const striped = images.paint(320, 320, (x) => (x % 8 < 4 ? [0, 255, 0, alpha] : [255, 0, 0, 255]))
  const source = await images.png(striped)
  // Each output pixel, and each box of 4 px on the way there, stands for whole stripes: half is green at that alpha, half opaque red.
  const green = alpha / (alpha + 255)
  for (const transformation of ['resize:40x40', 'fit:40x40', 'cover:40x40', 'blur:100']) {
    const { made } = await make(source, [transformation])
    const middle = images.pixelAt(made, made.width >> 1, made.height >> 1)
    const ideal = [255 * (1 - green), 255 * green, 0, (alpha + 255) / 2]
    for (const [i, value] of ideal.entries())
      expect.soft(Math.abs(value - (middle[i] ?? 0)), `${transformation} ${middle}`).toBeLessThan(5)
  }
})
