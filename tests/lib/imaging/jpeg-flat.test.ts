import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import type { Bitmap } from '../../../lib/imaging/bitmap.ts'
import { readJpegHeader } from '../../../lib/imaging/headers/jpeg.ts'
import { decodeJpeg, type Scale } from '../../../lib/imaging/jpeg/decode.ts'
import { takeBack } from '../../../lib/imaging/jpeg/module.ts'
import type { Size } from '../../../lib/imaging/operations.ts'
import { draw, PICTURES } from './pictures.ts'
import { type JpegKind, writeJpeg } from './write-jpeg.ts'

/** Horizontal and vertical factors of brightness; colours have 1x1. */
const SAMPLINGS = {
  grey: [1, 1],
  '4:4:4': [1, 1],
  '4:2:2': [2, 1],
  '4:2:0': [2, 2],
  '4:1:1': [4, 1],
} as const
type Sampling = keyof typeof SAMPLINGS
const NAMES = Object.keys(PICTURES) as (keyof typeof PICTURES)[]

/** sharp has no factors but 1x1 and 2x2, and no restart intervals. */
const CODINGS: Record<string, Partial<JpegKind>> = {
  baseline: {},
  optimised: { flatTables: true },
  progressive: { progressive: true },
  'restart intervals': { restart: 7 },
  'long restart intervals': { restart: 50_000, flatTables: true },
}

/** A picture as JPEG, by sharp where it can. */
function write(pixels: Buffer, size: Size, sampling: Sampling, coding: string): Promise<Buffer> | Buffer {
  const [h, v] = SAMPLINGS[sampling]
  if (coding.endsWith('restart intervals') || h !== v) {
    const factors = sampling === 'grey' ? '1x1' : `${h}x${v} 1x1 1x1`
    return writeJpeg({ ...size, pixels, sampling: factors, ...CODINGS[coding] })
  }
  const image = sharp(pixels, { raw: { ...size, channels: 3 } })
  const options = { optimiseCoding: coding === 'optimised', progressive: coding === 'progressive' }
  if (sampling === 'grey') return image.grayscale().jpeg(options).toBuffer()
  return image.jpeg({ ...options, chromaSubsampling: sampling as '4:4:4' | '4:2:0' }).toBuffer()
}

/** Y, Cb and Cr (JFIF 1.02) of the mean of each `wide` by `high` pixels. */
function means({ width, height, data }: Bitmap, wide: number, high: number) {
  const [columns, rows] = [width / wide, height / high]
  const sums = new Float64Array(columns * rows * 3)
  for (let y = 0, at = 0; y < height; y++)
    for (let x = 0; x < width; x++, at += 4) {
      const to = (Math.floor(y / high) * columns + Math.floor(x / wide)) * 3
      for (let c = 0; c < 3; c++) sums[to + c] = (sums[to + c] ?? 0) + (data[at + c] ?? 0)
    }
  const mean = (i: number, c: number) => (sums[i * 3 + c] ?? 0) / (wide * high)
  const each = (red: number, green: number, blue: number) =>
    Float64Array.from(
      { length: columns * rows },
      (_, i) => red * mean(i, 0) + green * mean(i, 1) + blue * mean(i, 2),
    )
  return {
    columns,
    y: each(0.299, 0.587, 0.114),
    cb: each(-0.168736, -0.331264, 0.5),
    cr: each(0.5, -0.418688, -0.081312),
  }
}

/** The largest difference of a value to those beside, above and below it. */
function unrest(values: Float64Array, columns: number, i: number): number {
  const beside = [i % columns ? i - 1 : i, (i + 1) % columns ? i + 1 : i, i - columns, i + columns]
  return Math.max(...beside.map((other) => Math.abs((values[other] ?? values[i] ?? 0) - (values[i] ?? 0))))
}

/**
 * Both decodes show the same means of blocks, as all have the blocks' first coefficients: of brightness for 8x8 pixels of
 * the source, of colours for as many as share a block. Within 2 levels: each sample, each mean and each step from YCbCr to
 * RGB is rounded by up to half a level, and colours by up to one and a half times that. Where colours are subsampled they
 * are interpolated: at 1/8, with one sample for a block, a quarter of each neighbour's difference comes in from each side.
 */
function differences(small: Bitmap, full: Bitmap, scale: Scale, sampling: Sampling): number {
  const [h, v] = SAMPLINGS[sampling]
  let most = 0
  const [shown, expected] = [means(small, scale, scale), means(full, 8, 8)]
  for (let i = 0; i < expected.y.length; i++)
    most = Math.max(most, Math.abs((shown.y[i] ?? 0) - (expected.y[i] ?? 0)))
  const [shownColours, colours] = [means(small, scale * h, scale * v), means(full, 8 * h, 8 * v)]
  for (const channel of ['cb', 'cr'] as const)
    for (let i = 0; i < colours[channel].length; i++) {
      const difference = Math.abs((shownColours[channel][i] ?? 0) - (colours[channel][i] ?? 0))
      const mixed = h * v === 1 ? 0 : unrest(colours[channel], colours.columns, i) / 2
      most = Math.max(most, difference - mixed)
    }
  return most
}

async function decode(source: Buffer, scale: Scale): Promise<Bitmap> {
  const bitmap = await decodeJpeg(
    source,
    readJpegHeader(source, () => {}),
    scale,
  )
  const data = Buffer.from(bitmap.data)
  takeBack(bitmap.data)
  return { ...bitmap, data }
}

const opaque = (pixels: Buffer, { width, height }: Size): Bitmap => {
  const data = Buffer.alloc(width * height * 4, 255)
  for (let from = 0, to = 0; from < pixels.length; from += 3, to += 4) pixels.copy(data, to, from, from + 3)
  return { width, height, extent: { width, height }, data }
}

const samplings = Object.keys(SAMPLINGS) as Sampling[]

describe.for(samplings)('%s', (sampling) => {
  test.for(['baseline', 'optimised', 'progressive', 'restart intervals'])(
    '%s: all scales show what was drawn',
    async (coding) => {
      const size = { width: 320, height: 256 }
      for (const name of NAMES) {
        const pixels = draw(name, size)
        const source = await write(pixels, size, sampling, coding)
        const full = await decode(source, 8)
        // A first coefficient is rounded by less than a level.
        const drawn = sampling === 'grey' ? full : opaque(pixels, size)
        expect.soft(differences(full, drawn, 8, sampling), `${name} at 8/8`).toBeLessThan(2)
        for (const scale of [1, 2, 4] as const) {
          const most = differences(await decode(source, scale), full, scale, sampling)
          expect.soft(most, `${name} at ${scale}/8`).toBeLessThan(2)
        }
      }
    },
  )
})

/**
 * Pictures whose flat part has more blocks than the list of a lane holds (`assembly/lanes.ts`), within the range of one
 * lane: half of what is coded, or 2^19 bits of it.
 */
describe('more flat blocks than a list holds', () => {
  test.for([
    ['flat', '4:4:4', 'optimised', 2048, 1472],
    ['flat', '4:2:2', 'optimised', 2304, 1984],
    ['flat', '4:2:0', 'optimised', 3072, 1984],
    ['flat', '4:1:1', 'optimised', 3072, 1984],
    ['flat', 'grey', 'optimised', 3072, 2944],
    ['half flat', '4:4:4', 'baseline', 2560, 1472],
    ['page', '4:4:4', 'baseline', 3072, 1472],
    ['page', '4:2:2', 'optimised', 2304, 1984],
    ['product', '4:2:0', 'optimised', 4096, 2944],
    ['half flat', '4:2:0', 'baseline', 3072, 3072],
    ['flat', '4:4:4', 'long restart intervals', 2048, 1664],
  ] as const)('%s, %s, %s', async ([name, sampling, coding, width, height]) => {
    const size = { width, height }
    const source = await write(draw(name, size), size, sampling, coding)
    const full = await decode(source, 8)
    expect(differences(await decode(source, 1), full, 1, sampling)).toBeLessThan(2)
  })

  test('take no longer than as much noise', async () => {
    const size = { width: 2048, height: 1472 }
    const times: number[] = []
    for (const name of ['flat', 'noise'] as const) {
      const source = await write(draw(name, size), size, '4:4:4', 'optimised')
      let least = Number.POSITIVE_INFINITY
      for (let turn = 0; turn < 5; turn++) {
        const before = process.cpuUsage()
        await decode(source, 1)
        const { user, system } = process.cpuUsage(before)
        least = Math.min(least, user + system)
      }
      times.push(least)
    }
    expect(times[0]).toBeLessThan((times[1] ?? 0) * 2)
  })
})
