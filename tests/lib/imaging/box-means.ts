import sharp from 'sharp'
import { expect } from 'vitest'
import type { Bitmap } from '../../../lib/imaging/bitmap.ts'
import type { Size } from '../../../lib/imaging/operations.ts'

/** The means of boxes of `side` x `side` pixels, each pixel counting as much as it is opaque, as numbers of any size allow. */
export function boxMeans({ width, height, data }: Bitmap, side: number): Bitmap {
  const [columns, rows] = [Math.ceil(width / side), Math.ceil(height / side)]
  const small = { width: columns, height: rows, data: Buffer.alloc(columns * rows * 4) }
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const sums = [0, 0, 0, 0] as [number, number, number, number]
      const bottom = Math.min(height, (row + 1) * side)
      const right = Math.min(width, (column + 1) * side)
      for (let y = row * side; y < bottom; y++) {
        for (let at = (y * width + column * side) * 4; at < (y * width + right) * 4; at += 4) {
          const alpha = data[at + 3] ?? 0
          sums[3] += alpha
          for (let i = 0; i < 3; i++) sums[i as 0] += (data[at + i] ?? 0) * alpha
        }
      }
      const pixels = (bottom - row * side) * (right - column * side)
      const to = (row * columns + column) * 4
      if (sums[3] > 0)
        for (let i = 0; i < 3; i++) small.data[to + i] = Math.floor(sums[i as 0] / sums[3] + 0.5)
      small.data[to + 3] = Math.floor(sums[3] / pixels + 0.5)
    }
  }
  return small
}

/** Holds a decoder to the pixels that sharp sees, and what it makes for a sixth of the sides to the means of these. */
export async function expectPixelsOfSharp(
  source: Buffer,
  decode: (source: Buffer, target?: Size) => Bitmap,
): Promise<void> {
  const { data, info } = await sharp(source).ensureAlpha().raw().toBuffer({ resolveWithObject: true })
  const shown = decode(source)
  expect(shown).toMatchObject({ width: info.width, height: info.height })
  expect(shown.data.equals(data)).toBe(true)
  const small = decode(source, { width: info.width / 6, height: info.height / 6 })
  expect(small.data.equals(boxMeans(shown, 3).data)).toBe(true)
}
