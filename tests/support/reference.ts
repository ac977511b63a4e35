import sharp, { type Sharp } from 'sharp'
import type { Bitmap } from '../../lib/imaging/bitmap.ts'

/** sharp (libvips) as an independent opinion on what an image looks like, and how far ours is from it. */

/** The pixels of an image file as RGBA, as stored. */
export const decoded = (file: Uint8Array): Promise<Bitmap> => rawOf(sharp(file))

export async function rawOf(image: Sharp): Promise<Bitmap> {
  const raw = image.toColourspace('srgb').ensureAlpha().raw()
  const { data, info } = await raw.toBuffer({ resolveWithObject: true })
  return { width: info.width, height: info.height, data }
}

/** Opens a bitmap for one more step: sharp has an order of its own for steps that are chained. */
export const open = ({ width, height, data }: Bitmap): Sharp =>
  sharp(data, { raw: { width, height, channels: 4 } })

/**
 * How far two images of the same sides are apart, in levels of 255: the mean and the most of any channel, and the
 * peak signal-to-noise ratio in dB. Colours count as much as they are opaque, since the others cannot be seen.
 */
export function compare(one: Bitmap, other: Bitmap): { mean: number; most: number; psnr: number } {
  if (one.width !== other.width || one.height !== other.height)
    throw new Error(`${one.width}x${one.height} is not ${other.width}x${other.height}`)
  let sum = 0
  let squares = 0
  let most = 0
  for (let i = 0; i < one.data.length; i++) {
    const difference = Math.abs(seen(one.data, i) - seen(other.data, i))
    sum += difference
    squares += difference ** 2
    most = Math.max(most, difference)
  }
  const count = one.data.length
  return { mean: sum / count, most, psnr: 10 * Math.log10(255 ** 2 / (squares / count)) }
}

function seen(data: Buffer, i: number): number {
  const value = data[i] ?? 0
  return i % 4 === 3 ? value : (value * (data[i - (i % 4) + 3] ?? 0)) / 255
}
