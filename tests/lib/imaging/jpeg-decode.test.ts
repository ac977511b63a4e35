import { describe, expect, test } from 'vitest'
import type { Bitmap } from '../../../lib/imaging/bitmap.ts'
import { encodeJpeg } from '../../../lib/imaging/encode/jpeg.ts'
import { resizeBitmap } from '../../../lib/imaging/resize-bitmap.ts'
import { takeBack } from '../../../lib/imaging/wasm/module.ts'
import { CODINGS, compare, decode, expected, expectPixels, SAMPLINGS, waves } from './jpeg-pixels.ts'
import { writeJpeg } from './write-jpeg.ts'

// Within a block, a whole one, one pixel more, and several; tests/lib/imaging/jpeg-decode.long.test.ts has all.
const SIDES = [1, 7, 8, 9, 17, 40]

describe.for(Object.entries(SAMPLINGS))('%s', ([, sampling]) => {
  test.for(CODINGS)('%s', ([, kind]) => expectPixels(sampling, kind, SIDES))
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
