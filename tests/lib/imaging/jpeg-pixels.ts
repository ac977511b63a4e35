import sharp from 'sharp'
import { expect } from 'vitest'
import type { Bitmap } from '../../../lib/imaging/bitmap.ts'
import { decodeScaled, type Scale } from '../../../lib/imaging/decode/jpeg.ts'
import { readJpegHeader } from '../../../lib/imaging/headers/jpeg.ts'
import { type JpegKind, writeJpeg } from './write-jpeg.ts'

export const decode = (source: Buffer, scale: Scale = 8) =>
  decodeScaled(
    source,
    readJpegHeader(source, () => {}),
    scale,
  )

/** The pixels as libjpeg's accurate method has them, read by sharp; RGB. */
export const expected = (source: Buffer) =>
  sharp(source, { failOn: 'none' }).toColourspace('srgb').removeAlpha().raw().toBuffer()

/** Mean and largest difference of a channel. */
export function compare({ data }: Bitmap, rgb: Buffer): { mean: number; most: number } {
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

/** Factors of the components. */
export const SAMPLINGS = {
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

/** Codings that sharp cannot write, with any sampling. */
export const CODINGS: readonly (readonly [name: string, Partial<JpegKind>])[] = [
  ['sequential', {}],
  ['with restarts', { restart: 2 }],
  ['a restart for every unit', { restart: 1 }],
  ['a scan for each component', { separate: true, restart: 3 }],
  ['16-bit quantisers', { wideQuantisers: true }],
  ['progressive', { progressive: true }],
  ['progressive with restarts', { progressive: true, restart: 2, separate: true }],
]

/** Holds the decoder to the pixels of libjpeg, for a picture of each of these sides. */
export async function expectPixels(sampling: string, kind: Partial<JpegKind>, sides: readonly number[]) {
  for (const side of sides) {
    const size = { width: side, height: 1 + ((side * 17) % 40) }
    const source = writeJpeg({ ...size, sampling, ...kind, seed: side })
    const { mean, most } = compare(await decode(source), await expected(source))
    expect.soft(mean, JSON.stringify(size)).toBeLessThanOrEqual(1)
    expect.soft(most, JSON.stringify(size)).toBeLessThanOrEqual(3)
  }
}

/** A picture that sharp encodes: waves of colour, with noise where `noise` is above 0. */
export const waves = (width: number, height: number, noise: number, seed: number, length = 9) => {
  const data = Buffer.alloc(width * height * 3)
  for (let at = 0; at < data.length; at++) {
    const pixel = Math.floor(at / 3)
    const wave =
      Math.sin((pixel % width) / length + (at % 3)) + Math.cos(Math.floor(pixel / width) / length + seed)
    data[at] = Math.max(0, Math.min(255, 128 + 60 * wave + ((at * at * 31 + seed) % 64) * noise))
  }
  return sharp(data, { raw: { width, height, channels: 3 } })
}
