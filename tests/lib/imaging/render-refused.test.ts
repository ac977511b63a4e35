import { expect, test } from 'vitest'
import * as images from '../../support/images.ts'
import { processorTime } from '../../support/processor-time.ts'
import { hiddenScans, hugePng, inflatingPng, scanBomb, tinyGif } from './bombs.ts'
import { render } from './rendered.ts'

/** A hundred times as long as it takes, and less than to decode what must not be. */
const SOON_MS = 1_000

const picture = images.sample(48, 32)
const jpeg = await images.jpeg(picture)
const png = await images.png(picture)
const webp = await images.webp(picture)

test.each([
  ['JPEG cut in half', jpeg.subarray(0, jpeg.length >> 1)],
  ['JPEG header alone', jpeg.subarray(0, 640)],
  ['PNG cut in half', png.subarray(0, png.length >> 1)],
  ['PNG with a wrong checksum', Buffer.from(png).fill(0x55, png.length - 20, png.length - 16)],
  ['WebP cut in half', webp.subarray(0, webp.length >> 1)],
  ['BMP without two thirds of it', (await images.bmp(picture)).subarray(0, 1500)],
  ['GIF without two thirds of it', await images.gif(picture).then((gif) => gif.subarray(0, gif.length / 3))],
  ['JPEG of 101 scans', scanBomb(101)],
  ['JPEG of 3000 scans', scanBomb(3000)],
  ['JPEG of scans hidden in a segment', hiddenScans()],
  ['WebP canvas smaller than its image', images.extendedWebp(1, 1, 0, [webp.subarray(12)])],
])('refuses a %s as corrupt, soon', async (_, source) => {
  const refused = { code: 'corrupt-image', status: 422, retry: false }
  const time = await processorTime(() => expect(render(source, 320)).rejects.toMatchObject(refused))
  expect(time).toBeLessThan(SOON_MS)
})

test('of an interlaced PNG of 8x8 that inflates to 256 MB, the pixels are read alone', async () => {
  const source = inflatingPng()
  const shown = { width: 8, height: 8 }
  const time = await processorTime(() => expect(render(source, 320)).resolves.toMatchObject(shown))
  expect(time).toBeLessThan(SOON_MS)
})

test.each([
  ['PNG of 20000x20000', hugePng()],
  ['GIF screen of 65535x65535', tinyGif([65_535, 65_535], [1, 1])],
  ['GIF frame of 60000x60000 on a small screen', tinyGif([1, 1], [60_000, 60_000])],
])('refuses a %s before decoding', async (_, source) => {
  const refused = { code: 'too-many-pixels' }
  const time = await processorTime(() => expect(render(source, 320)).rejects.toMatchObject(refused))
  expect(time).toBeLessThan(SOON_MS)
})

test('whatever bytes are changed, renders or throws an AppError that is final', async () => {
  // The multiplicative generator of Park and Miller: the same changes on every run.
  let seed = 2026
  const random = (below: number) => {
    seed = (seed * 48_271) % 2_147_483_647
    return seed % below
  }
  const sources = [jpeg, png, webp, await images.gif(picture), await images.bmp(picture), scanBomb(3)]
  for (let i = 0; i < 600; i++) {
    const broken = Buffer.from(sources[i % sources.length] ?? jpeg)
    for (let change = 0; change <= random(4); change++) broken[random(broken.length)] = random(256)
    const outcome = await render(broken, 16).catch((error) => error)
    if (outcome instanceof Error)
      expect(outcome).toMatchObject({ name: 'AppError', status: 422, retry: false })
  }
})
