import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import sharp from 'sharp'
import { afterAll, expect, test } from 'vitest'
import type { Bitmap } from '../../../lib/imaging/bitmap.ts'
import type { Operation } from '../../../lib/imaging/operations.ts'
import { renderAll } from '../../../lib/imaging/render.ts'
import * as images from '../../support/images.ts'
import {
  CURVES,
  formula,
  makeProfile,
  PROFILES,
  pngWithProfile,
  webpWithProfile,
} from '../../support/profiles.ts'
import { compare, decoded, open, rawOf } from '../../support/reference.ts'

const directory = await mkdtemp(path.join(tmpdir(), 'profiles-'))
afterAll(() => rm(directory, { recursive: true }))

/** sharp reads a profile from a file, and each file once. */
const paths = new Map<string, string>()
for (const [name, profile] of Object.entries(PROFILES)) {
  paths.set(name, path.join(directory, `${paths.size}.icc`))
  await writeFile(paths.get(name) ?? '', profile)
}

/** A picture in sRGB as a file in the colours of a profile, converted by lcms; in sRGB without one. */
function write(picture: Bitmap, format: 'jpeg' | 'png' | 'webp', profile?: string): Promise<Buffer> {
  const image = open(picture).removeAlpha()
  const converted = profile ? image.withIccProfile(paths.get(profile) ?? '') : image
  if (format === 'png') return converted.png().toBuffer()
  if (format === 'webp') return converted.webp({ lossless: true, effort: 0 }).toBuffer()
  return converted.jpeg({ quality: 100, chromaSubsampling: '4:4:4' }).toBuffer()
}

/** The one rendition of a source. */
async function render(source: Buffer, ...operations: Operation[]): Promise<Bitmap> {
  const recipe = { renditions: [{ name: 'small', operations, format: 'png' as const }] }
  const { renditions } = await renderAll(source, recipe, { maxPixels: 50_000_000 })
  return decoded(renditions[0]?.data ?? expect.fail('no rendition'))
}

const clip = (value: number) => Math.round(Math.min(255, Math.max(0, value)))

/** Has slopes, textures and saturated colours. */
const photo = images.paint(900, 675, (x, y) => {
  const wave = Math.sin(x / 37) + Math.cos((x + 2 * y) / 23) + Math.sin((x * y) / 9000)
  const level = (shift: number) =>
    clip(128 + 40 * wave + 45 * Math.sin(x / 190 + shift) + 25 * Math.sin(y / 110 + shift))
  return [level(0), level(2), level(4), 255]
})

/** The mean difference of our thumbnail to sharp's, in levels. */
async function differenceTo(source: Buffer): Promise<number> {
  const expected = await rawOf(sharp(source).resize(320, 320, { fit: 'inside' }))
  return compare(await render(source, { op: 'fit', width: 320, height: 320 }), expected).mean
}

const PATCHES: images.Rgba[] = [
  [255, 0, 0, 255],
  [0, 255, 0, 255],
  [0, 0, 255, 255],
  [224, 172, 105, 255],
  [120, 60, 40, 255],
  [255, 140, 0, 255],
  [40, 120, 60, 255],
  [128, 128, 128, 255],
]

const patches = images.paint(512, 64, (x) => PATCHES[x >> 6] ?? expect.fail())

for (const format of ['jpeg', 'png', 'webp'] as const) {
  const withoutProfile = differenceTo(await write(photo, format))

  test.each(Object.keys(PROFILES))(
    `shows a ${format} in the colours of %s as sharp does`,
    async (profile) => {
      const difference = await differenceTo(await write(photo, format, profile))
      expect(difference - (await withoutProfile)).toBeLessThan(1)
    },
  )

  // In wider spaces bytes are too coarse for some of these colours.
  test(`shows patches of a ${format} in Display P3 as they were`, async () => {
    const source = await write(patches, format, 'Display P3')
    const shown = await render(source, { op: 'fit', width: 320, height: 320 })
    for (const [i, colour] of PATCHES.entries()) {
      for (const [channel, value] of images.pixelAt(shown, 40 * i + 20, 20).entries())
        expect(Math.abs(value - (colour[channel] ?? 0)), `patch ${i}: ${channel}`).toBeLessThanOrEqual(3)
    }
  })
}

/** Greys, and colours all over the cube. */
const cube = images.paint(256, 64, (x, y) =>
  y < 8 ? [x, x, x, 255] : [x, (x * 7 + y * 37) & 255, (x * 13 + y * 91) & 255, 255],
)

const cubePng = await images.png(cube)

test.each([
  ...Object.entries(PROFILES),
  ...Object.entries(CURVES).map(([name, curve]) => [`curves: ${name}`, makeProfile({ curve })] as const),
])('is within one level of lcms on the same pixels with %s', async (_, profile) => {
  const source = pngWithProfile(cubePng, profile)
  expect(compare(await render(source), await rawOf(sharp(source))).most).toBeLessThanOrEqual(1)
})

test('makes the black of a profile black', async () => {
  const source = pngWithProfile(cubePng, makeProfile({ curve: formula(2, 2, 0.9, 0.05, 0.02) }))
  const shown = await render(source)
  expect(images.pixelAt(shown, 0, 0)).toEqual([0, 0, 0, 255])
  // lcms itself interpolates in a table here, and is up to 12 levels off.
  expect(compare(shown, await rawOf(sharp(source))).mean).toBeLessThan(0.1)
})

test.each(['png', 'webp'] as const)(
  'leaves the alpha of a %s alone, and converts colours whatever it is',
  async (format) => {
    const fading = images.paint(64, 16, (x) => [200, 40, 90, 4 * x])
    const opaque = images.paint(64, 16, () => [200, 40, 90, 255])
    const p3 = PROFILES['Display P3']
    const source =
      format === 'png'
        ? pngWithProfile(await images.png(fading), p3)
        : webpWithProfile(await open(fading).webp({ lossless: true }).toBuffer(), fading, p3)
    const shown = await render(source)
    const [red, green, blue] = images.pixelAt(
      await render(pngWithProfile(await images.png(opaque), p3)),
      0,
      0,
    )
    expect(red).not.toBe(200)
    for (let x = 1; x < 64; x++) expect(images.pixelAt(shown, x, 8)).toEqual([red, green, blue, 4 * x])
  },
)
