import sharp from 'sharp'
import { afterAll, expect, test } from 'vitest'
import type { Bitmap } from '../../../lib/imaging/bitmap.ts'
import { openImaging } from '../../../lib/imaging/index.ts'
import type { Recipe } from '../../../lib/imaging/recipe.ts'
import { renderAll } from '../../../lib/imaging/render.ts'
import { makeCmykProfile, TABLES } from '../../support/cmyk-profiles.ts'
import * as images from '../../support/images.ts'
import { processorTime } from '../../support/processor-time.ts'
import { jpegWithProfile, PROFILES } from '../../support/profiles.ts'
import { compare, decoded, open, rawOf } from '../../support/reference.ts'
import { makeJpeg } from './make-jpeg.ts'

const limits = { maxPixels: 50_000_000 }

const fitted = (side: number): Recipe => ({
  renditions: [{ name: 'small', operations: [{ op: 'fit', width: side, height: side }], format: 'png' }],
})

const dataOf = ({ renditions }: Awaited<ReturnType<typeof renderAll>>) =>
  Buffer.from(renditions[0]?.data ?? expect.fail('no rendition'))

const render = async (source: Buffer, side = 10_000): Promise<Bitmap> =>
  decoded(dataOf(await renderAll(source, fitted(side), limits)))

const photo = images.paint(900, 675, (x, y) => [
  250 - x / 5,
  40 + y / 4,
  90 + 60 * Math.sin((x + y) / 60),
  255,
])

/** With the profile of a press that sharp has in itself: a lut16Type of 9 nodes a side. */
const print = await open(photo)
  .removeAlpha()
  .toColourspace('cmyk')
  .withIccProfile('cmyk')
  .jpeg({ quality: 95 })
  .toBuffer()

test.each([10_000, 320, 80])('shows CMYK with a profile as sharp does, inside %d px', async (side) => {
  const size = { width: side, height: side, fit: 'inside', withoutEnlargement: true } as const
  const [shown, expected] = [await render(print, side), await rawOf(sharp(print).resize(size))]
  const original = await rawOf(open(photo).resize(size))
  // lcms in two steps, as sharp uses it, makes other blacks than in one.
  expect(compare(shown, expected).mean).toBeLessThan(3)
  expect(compare(shown, original).mean).toBeLessThan(compare(expected, original).mean + 0.5)
})

/** Blocks of so many inks, as Adobe stores them: 255 is none. */
const inks = (column: number, row: number) => [
  (column * 37) & 255,
  (row * 51) & 255,
  (column * 91 + row * 13) & 255,
  255 - ((row * 29) & 127),
]
const options = { width: 128, height: 96, components: 4 } as const
const cmyk = makeJpeg({ ...options, block: inks, adobe: 0 })

test.each(Object.entries(TABLES))('reads a profile with a %s', async (_, table) => {
  const source = jpegWithProfile(cmyk, makeCmykProfile(table))
  const shown = await render(source)
  expect(compare(shown, await render(cmyk)).mean).toBeGreaterThan(10)
  expect(compare(shown, await rawOf(sharp(source))).mean).toBeLessThan(2)
})

test('YCCK is CMYK first', async () => {
  const profile = makeCmykProfile(TABLES.lut16Type)
  const grey = makeJpeg({
    ...options,
    block: (column) => [16 * column, 16 * column, 16 * column, 200],
    adobe: 0,
  })
  const same = makeJpeg({ ...options, block: (column) => [255 - 16 * column, 128, 128, 200], adobe: 2 })
  expect(await render(jpegWithProfile(same, profile))).toEqual(await render(jpegWithProfile(grey, profile)))
})

const lut16 = TABLES.lut16Type

test('reads a CMYK profile of 4 MB', async () => {
  const profile = makeCmykProfile(lut16)
  const largest = Buffer.concat([profile, Buffer.alloc(4 * 2 ** 20 - profile.length)])
  expect(await render(jpegWithProfile(cmyk, largest))).toEqual(await render(jpegWithProfile(cmyk, profile)))
})

const patched = (at: number, ...bytes: number[]) => {
  const table = Buffer.from(lut16)
  table.set(bytes, at)
  return makeCmykProfile(table)
}

const curved = (at: number, ...bytes: number[]) => {
  const table = Buffer.from(TABLES.lutAToBType)
  table.set(bytes, at)
  return makeCmykProfile(table)
}

test.each<[string, Buffer]>([
  ['RGB colours', PROFILES['Display P3']],
  ['no table', makeCmykProfile(Buffer.alloc(0))],
  ['a table of another type', makeCmykProfile(Buffer.from('curv'.padEnd(400, '\0')))],
  ['a table cut short', makeCmykProfile(lut16.subarray(0, -8))],
  ['a table of 255 nodes a side, 25 GB', patched(10, 255)],
  ['a table of curves that are not there', patched(48, 16, 0)],
  ['a table of 16 channels', patched(8, 16)],
  ['a table that makes 16 channels', patched(9, 16)],
  ['sides of 255 nodes before curves', curved(32 + 36, 255, 255, 255, 255)],
  ['a table outside of its element', curved(24, 255, 255, 255, 255)],
  ['a pipeline of any length', makeCmykProfile(lut16, { D2B0: Buffer.from('mpet'.padEnd(400, '\0')) })],
  ['a second table that is absurd', makeCmykProfile(lut16, { A2B1: patched(10, 255).subarray(-200) })],
  ['an end within its tags', makeCmykProfile(lut16).subarray(0, 180)],
])('ignores a CMYK profile with %s, soon', async (_, profile) => {
  const time = await processorTime(async () =>
    expect(await render(jpegWithProfile(cmyk, profile))).toEqual(await render(cmyk)),
  )
  expect(time).toBeLessThan(4_000)
})

test('whatever bytes of a CMYK profile are changed, renders, soon', async () => {
  // The multiplicative generator of Park and Miller: the same changes on every run.
  let seed = 2026
  const random = (below: number) => {
    seed = (seed * 48_271) % 2_147_483_647
    return seed % below
  }
  const profiles = Object.values(TABLES).map((table) => makeCmykProfile(table))
  const before = process.cpuUsage()
  for (let i = 0; i < 24; i++) {
    const broken = Buffer.from(profiles[i % profiles.length] ?? expect.fail())
    for (let change = 0; change <= random(6); change++)
      broken[128 + random(broken.length - 128)] = [0, 1, 127, 128, 255, random(256)][random(6)] ?? 0
    const { width, height } = await render(jpegWithProfile(cmyk, broken))
    expect([width, height]).toEqual([128, 96])
  }
  expect(process.cpuUsage(before).user).toBeLessThan(60_000_000)
  // lcms is none the worse for it.
  expect(compare(await render(print, 80), await rawOf(sharp(print).resize(80))).mean).toBeLessThan(3)
})

const threaded = openImaging({ ...limits, threads: 1, renderTimeoutMs: 60_000 })
afterAll(() => threaded.close())

test('shows the same in a thread as inline', async () => {
  const inline = dataOf(await renderAll(print, fitted(80), limits))
  expect(dataOf(await threaded.render(Buffer.from(print), fitted(80)))).toEqual(inline)
})
