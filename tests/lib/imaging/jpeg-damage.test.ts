import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import type { Bitmap } from '../../../lib/imaging/bitmap.ts'
import { decodeScaled, SCALES, type Scale } from '../../../lib/imaging/decode/jpeg.ts'
import { readJpegHeader } from '../../../lib/imaging/headers/jpeg.ts'
import { decodeBroken, fuzzJpeg, openBreaker } from './fuzz-jpeg.ts'
import { draw, type PICTURES } from './pictures.ts'
import { writeJpeg } from './write-jpeg.ts'

const decode = (source: Buffer, scale: Scale = 8) =>
  decodeScaled(
    source,
    readJpegHeader(source, () => {}),
    scale,
  )

const raw = { width: 160, height: 160, channels: 3 as const }
const noise = Buffer.from(Array.from({ length: 160 * 160 * 3 }, (_, i) => (i * i * 7 + (i >> 5)) & 255))
const picture = sharp(noise, { raw }).blur(1)
const whole = await picture.clone().jpeg({ optimiseCoding: false }).toBuffer()
const progressive = await picture.clone().jpeg({ progressive: true }).toBuffer()

/** The rows from `start` to `end`, in parts of the height. */
const rows = ({ width, height, data }: Bitmap, start: number, end: number) =>
  data.subarray(Math.round(height * start) * width * 4, Math.round(height * end) * width * 4)

/** Where the markers of a kind are. */
const markers = (source: Buffer, from: number, to: number) =>
  [...source.keys()].filter(
    (at) => source[at] === 255 && (source[at + 1] ?? 0) >= from && (source[at + 1] ?? 0) <= to,
  )

describe.for(SCALES)('at %d/8', (scale) => {
  test('of a picture cut at three quarters there is the upper half, and grey below', async () => {
    const cut = await decode(whole.subarray(0, Math.round(whole.length * 0.75)), scale)
    const full = await decode(whole, scale)
    expect(rows(cut, 0, 0.5).equals(rows(full, 0, 0.5))).toBe(true)
    expect(new Set(rows(cut, 0.9, 1))).toEqual(new Set([128, 255]))
  })

  test('a picture cut before its middle is refused', async () => {
    const firstScan = progressive.indexOf(Buffer.from([255, 0xda]))
    for (const cut of [whole.subarray(0, whole.length / 3), progressive.subarray(0, firstScan + 40)])
      await expect(decode(cut, scale)).rejects.toMatchObject({ code: 'corrupt-image' })
  })

  test('without its end marker it is whole', async () => {
    expect((await decode(whole.subarray(0, -2), scale)).data.equals((await decode(whole, scale)).data)).toBe(
      true,
    )
  })
})

test('a progressive picture that was cut is as libjpeg shows it', async () => {
  for (const part of [0.4, 0.6, 0.8]) {
    const cut = progressive.subarray(0, Math.round(progressive.length * part))
    const shown = await sharp(cut, { failOn: 'none' }).raw().toBuffer()
    const { data } = await decode(cut)
    const differences = shown.filter(
      (value, i) => Math.abs(value - (data[Math.floor(i / 3) * 4 + (i % 3)] ?? 0)) > 3,
    )
    expect(differences.length / shown.length).toBeLessThan(0.02)
  }
})

test('where an interval between restart markers is lost, the others are as they were', async () => {
  const source = writeJpeg({ width: 160, height: 160, sampling: '1x1 1x1 1x1', restart: 20 })
  const full = await decode(source)
  const starts = markers(source, 0xd0, 0xd7)
  expect(starts).toHaveLength(19)
  const lost = Buffer.concat([source.subarray(0, starts[8]), source.subarray(starts[9])])
  const shown = await decode(lost)
  expect(rows(shown, 0, 9 / 20).equals(rows(full, 0, 9 / 20))).toBe(true)
  expect(new Set(rows(shown, 9 / 20, 10 / 20))).toEqual(new Set([128, 255]))
  expect(rows(shown, 10 / 20, 1).equals(rows(full, 10 / 20, 1))).toBe(true)

  const broken = Buffer.from(source).fill(0x55, (starts[3] ?? 0) + 4, (starts[4] ?? 0) - 4)
  const repaired = await decode(broken)
  expect(rows(repaired, 0, 4 / 20).equals(rows(full, 0, 4 / 20))).toBe(true)
  expect(rows(repaired, 5 / 20, 1).equals(rows(full, 5 / 20, 1))).toBe(true)
})

test('a code that no symbol has ends a picture: the rest is grey, or too little is left', async () => {
  const source = writeJpeg({ width: 160, height: 160, sampling: '1x1' })
  const from = source.indexOf(Buffer.from([255, 0xda])) + 10
  const at = (part: number) => Math.round(from + (source.length - from) * part)
  const late = Buffer.from(source).fill(0xfe, at(0.7), at(0.7) + 20)
  expect(new Set(rows(await decode(late), 0.9, 1))).toEqual(new Set([128, 255]))
  const early = Buffer.from(source).fill(0xfe, at(0.3), at(0.3) + 20)
  await expect(decode(early)).rejects.toMatchObject({ code: 'corrupt-image' })
})

test('a damaged picture is the same whatever was decoded before it', async () => {
  const encode = (name: keyof typeof PICTURES, side: number, options: object) =>
    sharp(draw(name, { width: side, height: side }), { raw: { width: side, height: side, channels: 3 } })
      .jpeg(options)
      .toBuffer()
  const before = [
    ...[await encode('noise', 600, { quality: 95 }), await encode('flat', 480, {}), whole, progressive],
    await encode('page', 480, { progressive: true }),
  ]
  const breakSource = await openBreaker()
  // Where the data ends within a block of many coefficients, the rest of it is read from behind the end.
  const cut = await encode('noise', 160, { progressive: true })
  const cuts = Array.from({ length: 160 }, (_, i) => ({
    ...{ source: cut.subarray(0, Math.round(cut.length * (0.4 + 0.6 * (i / 160)))) },
    ...{ scale: i % 4 ? (8 as const) : (4 as const), maxPixels: 1e6 },
  }))
  const damaged = [...Array.from({ length: 250 }, (_, i) => breakSource(i + 1)), ...cuts]
  for (const [i, broken] of damaged.entries()) {
    const { digest, error } = await decodeBroken(broken)
    if (error) continue
    for (const source of before) {
      await decodeBroken({ source, scale: SCALES[i % 4] as Scale, maxPixels: 1e6 })
      expect.soft((await decodeBroken(broken)).digest, `file ${i}`).toBe(digest)
    }
  }
})

test('whatever is broken in a file, it decodes or is refused, soon and in little memory', async () => {
  const before = process.memoryUsage().rss
  const { decoded, refused, traps, strays, unstable, slowestMs } = await fuzzJpeg(2000)
  expect({ traps, strays, unstable }).toEqual({ traps: [], strays: [], unstable: [] })
  expect(decoded).toBeGreaterThan(500)
  expect(refused).toBeGreaterThan(500)
  expect(slowestMs).toBeLessThan(1000)
  expect(process.memoryUsage().rss - before).toBeLessThan(200 * 2 ** 20)
})
