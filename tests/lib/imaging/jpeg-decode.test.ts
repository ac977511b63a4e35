import * as fc from 'fast-check'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import type { Bitmap } from '../../../lib/imaging/bitmap.ts'
import { decodeScaled, type Scale } from '../../../lib/imaging/decode/jpeg.ts'
import { encodeJpeg } from '../../../lib/imaging/encode/jpeg.ts'
import { readJpegHeader } from '../../../lib/imaging/headers/jpeg.ts'
import { resizeBitmap } from '../../../lib/imaging/resize-bitmap.ts'
import { takeBack } from '../../../lib/imaging/wasm/module.ts'
import { writeJpeg } from './write-jpeg.ts'

const decode = (source: Buffer, scale: Scale = 8) =>
  decodeScaled(
    source,
    readJpegHeader(source, () => {}),
    scale,
  )

/** The pixels as libjpeg's accurate method has them, read by sharp; RGB. */
const expected = (source: Buffer) =>
  sharp(source, { failOn: 'none' }).toColourspace('srgb').removeAlpha().raw().toBuffer()

/** Mean and largest difference of a channel. */
function compare({ data }: Bitmap, rgb: Buffer): { mean: number; most: number } {
  expect(data.length / 4).toBe(rgb.length / 3)
  let [sum, most] = [0, 0]
  for (let at = 0; at < rgb.length; at++) {
    const pixel = Math.floor(at / 3)
    const difference = Math.abs((rgb[at] ?? 0) - (data[pixel * 4 + (at % 3)] ?? 0))
    sum += difference
    most = Math.max(most, difference)
  }
  return { mean: sum / rgb.length, most }
}

const SAMPLINGS = {
  grayscale: '1x1',
  'grayscale with factors': '2x2',
  '4:4:4': '1x1 1x1 1x1',
  '4:2:2': '2x1 1x1 1x1',
  '4:2:0': '2x2 1x1 1x1',
  '4:4:0': '1x2 1x1 1x1',
  '4:1:1': '4x1 1x1 1x1',
  '4:1:0': '4x2 1x1 1x1',
  'different factors for Cb and Cr': '2x2 2x1 1x2',
  'factors that all have': '3x1 3x1 3x1',
}

describe.for(Object.entries(SAMPLINGS))('%s', ([, sampling]) => {
  test.for([
    ['sequential', {}],
    ['with restarts', { restart: 2 }],
    ['a restart for every unit', { restart: 1 }],
    ['a scan for each component', { separate: true, restart: 3 }],
    ['16-bit quantisers', { wideQuantisers: true }],
    ['progressive', { progressive: true }],
    ['progressive with restarts', { progressive: true, restart: 2, separate: true }],
  ] as const)('%s, all sizes to 40', async ([, kind]) => {
    for (let side = 1; side <= 40; side++) {
      const size = { width: side, height: 1 + ((side * 17) % 40) }
      const source = writeJpeg({ ...size, sampling, ...kind, seed: side })
      const { mean, most } = compare(await decode(source), await expected(source))
      expect.soft(mean, JSON.stringify(size)).toBeLessThanOrEqual(1)
      expect.soft(most, JSON.stringify(size)).toBeLessThanOrEqual(3)
    }
  })
})

/** A picture that sharp encodes: waves of colour, with noise where `noise` is above 0. */
const waves = (width: number, height: number, noise: number, seed: number, length = 9) => {
  const data = Buffer.alloc(width * height * 3)
  for (let at = 0; at < data.length; at++) {
    const pixel = Math.floor(at / 3)
    const wave =
      Math.sin((pixel % width) / length + (at % 3)) + Math.cos(Math.floor(pixel / width) / length + seed)
    data[at] = Math.max(0, Math.min(255, 128 + 60 * wave + ((at * at * 31 + seed) % 64) * noise))
  }
  return sharp(data, { raw: { width, height, channels: 3 } })
}

test('decodes whatever sharp encodes, as sharp does', async () => {
  const options = fc.record({
    width: fc.integer({ min: 1, max: 90 }),
    height: fc.integer({ min: 1, max: 90 }),
    noise: fc.constantFrom(0, 0.2, 1),
    seed: fc.nat(1000),
    quality: fc.integer({ min: 1, max: 100 }),
    progressive: fc.boolean(),
    mozjpeg: fc.boolean(),
    grey: fc.boolean(),
    chromaSubsampling: fc.constantFrom('4:4:4', '4:2:0'),
  })
  await fc.assert(
    fc.asyncProperty(options, async ({ width, height, noise, seed, grey, ...jpeg }) => {
      const image = waves(width, height, noise, seed)
      const source = await (grey ? image.grayscale() : image).jpeg(jpeg).toBuffer()
      const { mean, most } = compare(await decode(source), await expected(source))
      expect(mean).toBeLessThanOrEqual(1)
      expect(most).toBeLessThanOrEqual(3)
    }),
    { numRuns: 300, seed: 7 },
  )
})

describe.for(Object.entries(SAMPLINGS))('%s at a fraction', ([, sampling]) => {
  test.for([1, 2, 4] as const)('at %d/8 the pixels are means', async (scale) => {
    for (const kind of [{}, { separate: true }, { progressive: true }, { restart: 3 }]) {
      const source = writeJpeg({ width: 83, height: 61, sampling, flat: true, ...kind })
      const small = await decode(source, scale)
      expect(small).toMatchObject({ width: Math.ceil((83 * scale) / 8), height: Math.ceil((61 * scale) / 8) })
      expect(small.extent).toEqual({ width: (83 * scale) / 8, height: (61 * scale) / 8 })
      const { mean } = compare(small, shrink(await decode(source), 8 / scale))
      expect(mean).toBeLessThan(0.5)
    }
  })
})

test.for([1, 2, 4] as const)('at %d/8 colours lie where they are at full size', async (scale) => {
  for (const chromaSubsampling of ['4:4:4', '4:2:0'])
    for (const progressive of [false, true]) {
      const source = await waves(600, 400, 0, 1, 50).jpeg({ chromaSubsampling, progressive }).toBuffer()
      const { mean } = compare(await decode(source, scale), shrink(await decode(source), 8 / scale))
      expect(mean).toBeLessThan(2.5)
    }
})

/** The mean of each square of pixels, those at the edge of what there is. */
function shrink({ width, height, data }: Bitmap, side: number): Buffer {
  const [wide, high] = [Math.ceil(width / side), Math.ceil(height / side)]
  const means = Buffer.alloc(wide * high * 3)
  for (let at = 0; at < means.length; at++) {
    const [x, y] = [Math.floor(at / 3) % wide, Math.floor(at / 3 / wide)]
    let [sum, count] = [0, 0]
    for (let row = y * side; row < Math.min(height, (y + 1) * side); row++)
      for (let column = x * side; column < Math.min(width, (x + 1) * side); column++) {
        sum += data[(row * width + column) * 4 + (at % 3)] ?? 0
        count++
      }
    means[at] = Math.round(sum / count)
  }
  return means
}

test('pixels stay until they are taken back, whatever is made meanwhile', async () => {
  const sources = await Promise.all([1, 2, 3, 4].map((seed) => waves(60, 40, 0, seed, 9).jpeg().toBuffer()))
  const pictures = await Promise.all(sources.map((source) => decode(source)))
  const copies = pictures.map(({ data }) => Buffer.from(data))
  for (const picture of pictures) {
    resizeBitmap(picture, { width: 20, height: 10 })
    await encodeJpeg(picture, 80)
  }
  expect(pictures.map(({ data }) => data)).toEqual(copies)
  expect(copies[0]).not.toEqual(copies[1])
})

test('the memory of a picture that was taken back is used again', async () => {
  const sources = await Promise.all(
    [1, 2, 3].map((seed) => waves(2000, 1500, 0, seed, 300).jpeg().toBuffer()),
  )
  const [first, second, third] = sources as [Buffer, Buffer, Buffer]
  const one = await decode(first)
  const copy = Buffer.from(one.data)
  const two = await decode(second)
  expect(one.data.equals(copy)).toBe(true)
  expect(two.data.equals(copy)).toBe(false)
  takeBack(one.data)
  takeBack(one.data)
  const three = await decode(third)
  expect(three.data.buffer).toBe(one.data.buffer)
  expect(compare(two, await expected(second)).most).toBeLessThanOrEqual(3)
  expect(compare(three, await expected(third)).most).toBeLessThanOrEqual(3)
})
