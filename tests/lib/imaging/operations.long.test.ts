import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import * as images from '../../support/images.ts'
import { processorTime } from '../../support/processor-time.ts'
import { compare, decoded, open } from '../../support/reference.ts'
import { make, SOURCES, scene } from './scenes.ts'

// Against the Huffman codes of the JPEG standard: codes made for each file would save sharp 3 to 50 % of its bytes.
describe.each(['jpeg', 'webp'] as const)('in %s', (format) => {
  const encode = (quality: number) => {
    const image = sharp(SOURCES.opaque)
    const options = { quality, optimiseCoding: false, chromaSubsampling: quality < 90 ? '4:2:0' : '4:4:4' }
    return (format === 'jpeg' ? image.jpeg(options) : image.webp({ quality })).toBuffer()
  }
  const QUALITIES = [5, 20, 40, 60, 80, 95]

  test('a quality looks as it does with sharp, in a file that is not larger', async () => {
    for (const quality of QUALITIES) {
      const { made, bytes } = await make(SOURCES.opaque, [`format:${format}`, `quality:${quality}`])
      const theirs = await encode(quality)
      const [ours, other] = [compare(made, scene()), compare(await decoded(theirs), scene())]
      expect(ours.psnr).toBeGreaterThan(other.psnr - 0.5)
      expect(bytes).toBeLessThan(theirs.length * 1.1)
    }
  })

  test('a lower quality is a smaller file and a worse picture', async () => {
    const made = []
    for (const quality of QUALITIES)
      made.push(await make(SOURCES.opaque, [`format:${format}`, `quality:${quality}`]))
    const [sizes, psnrs] = [
      made.map(({ bytes }) => bytes),
      made.map((each) => compare(each.made, scene()).psnr),
    ]
    expect(sizes).toEqual(sizes.toSorted((one, other) => one - other))
    expect(psnrs).toEqual(psnrs.toSorted((one, other) => one - other))
  })
})

describe('blur', () => {
  const statsOf = async (transformations: string[], source: Buffer) => {
    const { made } = await make(source, transformations)
    const { channels } = await open(made).removeAlpha().stats()
    return { mean: channels.map(({ mean }) => mean), deviation: channels[0]?.stdev ?? Number.NaN, made }
  }

  test('keeps the mean, and leaves less the wider it is', async () => {
    const before = await statsOf([], SOURCES.opaque)
    let last = before.deviation
    for (const radius of [1, 2, 5, 10, 25, 50, 100]) {
      const { mean, deviation } = await statsOf([`blur:${radius}`], SOURCES.opaque)
      // Pixels of an edge count more than once, those beyond it being taken to be like them.
      for (const [i, value] of mean.entries()) expect(Math.abs(value - (before.mean[i] ?? 0))).toBeLessThan(6)
      expect(deviation).toBeLessThan(last)
      last = deviation
    }
  })

  test('leaves one colour as it is at every radius', async () => {
    const source = await images.png(images.paint(30, 20, () => [255, 1, 128, 255]))
    for (let radius = 1; radius <= 100; radius++) {
      const { made } = await make(source, [`blur:${radius}`])
      expect([radius, ...images.pixelAt(made, 15, 10)]).toEqual([radius, 255, 1, 128, 255])
    }
  })

  test.each([
    [1, 1],
    [1, 300],
    [300, 1],
    [10, 10],
    [2000, 1500],
  ])('of 100 pixels ends soon on %dx%d', async (width, height) => {
    const source = await images.png(images.sample(width, height))
    const blur = async () => expect((await make(source, ['blur:100'])).made).toMatchObject({ width, height })
    expect(await processorTime(blur)).toBeLessThan(10_000)
  })
})
