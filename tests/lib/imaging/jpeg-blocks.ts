import sharp from 'sharp'
import { decodeScaled, type Scale } from '../../../lib/imaging/decode/jpeg.ts'
import { readJpegHeader } from '../../../lib/imaging/headers/jpeg.ts'
import type { Size } from '../../../lib/imaging/operations.ts'
import { takeBack } from '../../../lib/imaging/wasm/module.ts'
import { type JpegKind, writeJpeg } from './write-jpeg.ts'

/** Horizontal and vertical factors of brightness; colours have 1x1. */
export const SAMPLINGS = {
  grey: [1, 1],
  '4:4:4': [1, 1],
  '4:2:2': [2, 1],
  '4:2:0': [2, 2],
  '4:1:1': [4, 1],
} as const
export type Sampling = keyof typeof SAMPLINGS

/** sharp has no factors but 1x1 and 2x2, and no restart intervals. */
const CODINGS: Record<string, Partial<JpegKind>> = {
  baseline: {},
  optimised: { flatTables: true },
  progressive: { progressive: true },
  'restart intervals': { restart: 7 },
  'long restart intervals': { restart: 50_000, flatTables: true },
}

/** A picture as JPEG, by sharp where it can. */
export function write(
  pixels: Buffer,
  size: Size,
  sampling: Sampling,
  coding: string,
): Promise<Buffer> | Buffer {
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

type Pixels = Size & { data: Buffer }

/** The mean of each `wide` by `high` pixels, as Y, Cb and Cr (JFIF 1.02); pixels have three or four bytes. */
function means({ width, height, data }: Pixels, wide: number, high: number) {
  const [columns, rows, bytes] = [width / wide, height / high, data.length / (width * height)]
  const [y, cb, cr] = [0, 1, 2].map(() => new Float64Array(columns * rows)) as Planes
  for (let i = 0; i < columns * rows; i++) {
    const from = (Math.floor(i / columns) * high * width + (i % columns) * wide) * bytes
    let [red, green, blue] = [0, 0, 0]
    for (let row = 0; row < high; row++)
      for (let at = from + row * width * bytes, end = at + wide * bytes; at < end; at += bytes) {
        red += data[at] as number
        green += data[at + 1] as number
        blue += data[at + 2] as number
      }
    y[i] = (0.299 * red + 0.587 * green + 0.114 * blue) / (wide * high)
    cb[i] = (-0.168736 * red - 0.331264 * green + 0.5 * blue) / (wide * high)
    cr[i] = (0.5 * red - 0.418688 * green - 0.081312 * blue) / (wide * high)
  }
  return { columns, y, cb, cr }
}

type Planes = [y: Float64Array, cb: Float64Array, cr: Float64Array]

/** What a decode at a scale shows of blocks: the brightness of each, the colours of as many as share one. */
export function blocksOf(pixels: Pixels, scale: Scale, sampling: Sampling) {
  const [h, v] = SAMPLINGS[sampling]
  const each = means(pixels, scale, scale)
  const shared = h * v === 1 ? each : means(pixels, scale * h, scale * v)
  return { y: each.y, colours: [shared.cb, shared.cr], columns: shared.columns, isMixed: h * v > 1 }
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
export function largest(shown: Blocks, expected: Blocks): number {
  let most = 0
  for (const [i, value] of expected.y.entries()) most = Math.max(most, Math.abs((shown.y[i] ?? 0) - value))
  for (const [plane, colours] of expected.colours.entries())
    for (const [i, value] of colours.entries()) {
      const difference = Math.abs((shown.colours[plane]?.[i] ?? 0) - value)
      if (difference <= most) continue
      const mixed = expected.isMixed ? unrest(colours, expected.columns, i) / 2 : 0
      most = Math.max(most, difference - mixed)
    }
  return most
}

type Blocks = ReturnType<typeof blocksOf>

/** What a decode at a scale shows. */
export async function decode(source: Buffer, scale: Scale, sampling: Sampling): Promise<Blocks> {
  const bitmap = await decodeScaled(
    source,
    readJpegHeader(source, () => {}),
    scale,
  )
  const blocks = blocksOf(bitmap, scale, sampling)
  takeBack(bitmap.data)
  return blocks
}
