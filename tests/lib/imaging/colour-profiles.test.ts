import { deflateSync } from 'node:zlib'
import sharp from 'sharp'
import { expect, test } from 'vitest'
import { openConversion } from '../../../lib/imaging/colour/convert.ts'
import { readSource } from '../../../lib/imaging/probe.ts'
import { THUMBNAIL_RECIPE } from '../../../lib/imaging/recipe.ts'
import { renderAll } from '../../../lib/imaging/render.ts'
import * as images from '../../support/images.ts'
import { processorTime } from '../../support/processor-time.ts'
import {
  curve,
  formula,
  iccSegment,
  iccSegments,
  jpegWithProfile,
  makeProfile,
  PROFILES,
  pngWithIccp,
  pngWithProfile,
  SRGB,
  webpWithProfile,
  xyz,
} from '../../support/profiles.ts'

const picture = images.sample(96, 64)
const jpeg = await images.jpeg(picture)
const png = await images.png(picture)
const webp = await images.webp(picture)
const p3 = PROFILES['Display P3']

const thumbnail = async (source: Buffer): Promise<Buffer> => {
  const { renditions } = await renderAll(source, THUMBNAIL_RECIPE, { maxPixels: 50_000_000 })
  return Buffer.from(renditions[0]?.data ?? expect.fail('no rendition'))
}

const [plain, wide] = [await thumbnail(jpeg), await thumbnail(jpegWithProfile(jpeg, p3))]

test('a profile changes the picture', () => {
  expect(wide).not.toEqual(plain)
})

const greyPng = images.rawPng({ width: 2, height: 1, depth: 8, colorType: 0 }, Buffer.from([0, 80, 200]))
const greyJpeg = await sharp(jpeg).grayscale().toColourspace('b-w').jpeg().toBuffer()

const iccp = (...parts: (string | Buffer)[]) =>
  pngWithIccp(png, Buffer.concat(parts.map((part) => Buffer.from(part as string, 'latin1'))))
const deflated = deflateSync(p3)
const segments = iccSegments(p3, 100)
const withSegments = (parts: Buffer[]) => images.jpegWithSegments(jpeg, parts)

test('the segments of a JPEG are joined by their numbers, wherever they are in the file', async () => {
  expect(segments.length).toBeGreaterThan(3)
  expect(await thumbnail(withSegments(segments))).toEqual(wide)
  expect(await thumbnail(withSegments(segments.toReversed()))).toEqual(wide)
  const apart = images.jpegWithOrientation(withSegments(segments.slice(2)), 1)
  expect(await thumbnail(images.jpegWithSegments(apart, segments.slice(0, 2)))).toEqual(wide)
})

test('a profile of exactly 4 MB is read, one byte more is not', async () => {
  const largest = Buffer.concat([p3, Buffer.alloc(4 * 2 ** 20 - p3.length)])
  expect(await thumbnail(jpegWithProfile(jpeg, largest))).toEqual(wide)
  const larger = Buffer.concat([largest, Buffer.alloc(1)])
  expect(await thumbnail(jpegWithProfile(jpeg, larger))).toEqual(plain)
  expect(await thumbnail(pngWithProfile(png, larger))).toEqual(await thumbnail(png))
})

test.each([
  ['a segment that is missing', jpeg, withSegments(segments.slice(1))],
  ['the last segment missing', jpeg, withSegments(segments.slice(0, -1))],
  ['a segment that is there twice', jpeg, withSegments([...segments, segments[1] ?? expect.fail()])],
  ['a segment of another number of them', jpeg, withSegments([iccSegment(p3, 1, 2)])],
  ['segments counted from 0', jpeg, withSegments([iccSegment(p3, 0, 1)])],
  [
    'a segment without a number',
    jpeg,
    withSegments([images.jpegSegment(0xe2, Buffer.from('ICC_PROFILE\0'))]),
  ],
  ['a segment of something else', jpeg, withSegments([images.jpegSegment(0xe2, Buffer.from('MPF\0'))])],
  ['an RGB profile in a grey JPEG', greyJpeg, jpegWithProfile(greyJpeg, p3)],
  ['an RGB profile in a grey PNG', greyPng, pngWithProfile(greyPng, p3)],
  ['an iCCP without a name', png, iccp('\0\0', deflated)],
  ['an iCCP without an end of the name', png, iccp('n'.repeat(80), '\0\0', deflated)],
  ['an iCCP with a name alone', png, iccp('name')],
  ['an iCCP of another method', png, iccp('name\0\x01', deflated)],
  ['an iCCP without data', png, iccp('name\0\0')],
  ['an iCCP that is not deflated', png, iccp('name\0\0', p3)],
  ['an iCCP cut short', png, iccp('name\0\0', deflated.subarray(0, -20))],
  ['an iCCP that inflates to 256 MB', png, iccp('name\0\0', deflateSync(Buffer.alloc(2 ** 28)))],
  ['an ICCP that the header of a WebP does not announce', webp, unannounced()],
])('ignores %s', async (_, without, source) => {
  expect(await thumbnail(source)).toEqual(await thumbnail(without))
})

function unannounced(): Buffer {
  const source = webpWithProfile(webp, picture, p3)
  source[20] = 0
  return source
}

/** The profile with bytes written over it, from an offset on. */
const patched = (at: number, ...bytes: number[]): Buffer => {
  const changed = Buffer.from(p3)
  changed.set(bytes, at)
  return changed
}

const LUT = { rXYZ: undefined, rTRC: undefined, A2B0: Buffer.from('mft2'.padEnd(60, '\0')) }
const curves = (trc: Buffer) => makeProfile({ curve: trc })
const rising = Array.from({ length: 300 }, (_, i) => 200 * i)

test.each<[string, Buffer]>([
  ['no bytes but one', Buffer.alloc(1)],
  ...[127, 131, 140, 200, 300, p3.length - 20].map((end): [string, Buffer] => [
    `${end} bytes`,
    p3.subarray(0, end),
  ]),
  ['no signature', patched(36, 0)],
  ['no tags', patched(128, 0, 0, 0, 0)],
  [
    '2^32 - 1 tags, none of them one of ours',
    Buffer.concat([patched(128, 255, 255, 255, 255).subarray(0, 132), Buffer.alloc(2 ** 20)]),
  ],
  ['grey colours', makeProfile({ space: 'GRAY' })],
  ['CMYK colours', makeProfile({ space: 'CMYK' })],
  ['Lab as the space between', makeProfile({ connection: 'Lab ' })],
  ['a table of colours alone', makeProfile({ elements: LUT })],
  ['no blue', makeProfile({ elements: { bXYZ: undefined } })],
  ['no curve of blue', makeProfile({ elements: { bTRC: undefined } })],
  ['a colour of another type', makeProfile({ elements: { gXYZ: Buffer.from('Lab '.padEnd(20, '\0')) } })],
  ['half a colour', makeProfile({ elements: { gXYZ: xyz(0.2, 0.6) } })],
  ['no colours', makeProfile({ colorants: new Array(9).fill(0) })],
  ['negative white', makeProfile({ colorants: [-0.4, -0.2, 0, -0.3, -0.7, 0, -0.1, 0, -0.7] })],
  ['absurd colours', makeProfile({ colorants: [32_000, 1, 0, -32_000, 0, 0, 0.9642, 0, 0.8249] })],
  ['a curve of another type', curves(Buffer.from('sf32'.padEnd(40, '\0')))],
  ['a curve without a count', curves(Buffer.from('curv\0\0\0\0'))],
  ['a curve of more values than there are', curves(curve(rising, 301))],
  ['a curve of 2^32 - 1 values', curves(curve(rising, 2 ** 32 - 1))],
  ['an exponent of 0', curves(curve([0]))],
  ['a curve that falls', curves(curve(rising.toReversed()))],
  ['a flat curve', curves(curve([9, 9, 9]))],
  ['a formula of no known type', curves(formula(5, 1, 1, 1, 1, 1, 1, 1))],
  ['a formula cut short', curves(formula(4, 2.4, 1, 0, 1, 0))],
  ['a formula without parameters', curves(formula(0))],
  ['a formula with an exponent of 0', curves(formula(0, 0))],
  ['a formula with a negative exponent', curves(formula(0, -2))],
  ['a formula that divides by 0', curves(formula(1, 2, 0, 0))],
  ['a formula that divides by 0, and has an offset', curves(formula(2, 2, 0, 0, 0.5))],
  ['a formula that falls', curves(formula(3, 1, -1, 1, 0, 0))],
  [
    'a formula of the largest numbers',
    curves(formula(4, 32_767, 32_767, 32_767, -32_767, -32_767, 32_767, 32_767)),
  ],
])('ignores a profile with %s, soon', async (_, profile) => {
  const time = await processorTime(async () =>
    expect(await thumbnail(jpegWithProfile(jpeg, profile))).toEqual(plain),
  )
  expect(time).toBeLessThan(2_000)
})

test.each([
  ['what sharp writes', await sharp(png).withIccProfile('srgb').png().toBuffer(), png],
  ['JPEG', jpegWithProfile(jpeg, SRGB), jpeg],
  ['PNG', pngWithProfile(png, SRGB), png],
  ['WebP', webpWithProfile(webp, picture, SRGB), webp],
])('an sRGB profile changes no byte, and takes no time for pixels: %s', async (_, source, without) => {
  expect(await thumbnail(source)).toEqual(await thumbnail(without))
  expect(openConversion(source, readSource(source, 1e6).header)(picture)).toBe(picture)
})

test('whatever bytes of a profile are changed, renders', async () => {
  // The multiplicative generator of Park and Miller: the same changes on every run.
  let seed = 2026
  const random = (below: number) => {
    seed = (seed * 48_271) % 2_147_483_647
    return seed % below
  }
  const profiles = Object.values(PROFILES)
  let converted = 0
  for (let i = 0; i < 600; i++) {
    const broken = Buffer.from(profiles[i % profiles.length] ?? p3)
    for (let change = 0; change <= random(6); change++)
      broken[128 + random(broken.length - 128)] = [0, 1, 127, 128, 255, random(256)][random(6)] ?? 0
    if (!(await thumbnail(jpegWithProfile(jpeg, broken))).equals(plain)) converted++
  }
  // Some of them still convert: it is not only the refusal that is tested.
  expect(converted).toBeGreaterThan(50)
})
