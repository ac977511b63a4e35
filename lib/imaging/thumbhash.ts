import { rgbaToThumbHash } from 'thumbhash'
import type { Bitmap } from './bitmap.ts'

/** The longest side in px that the hash is made from; it keeps some 7 waves a side, so more would change nothing. */
const MAX_SIDE = 100

/** A picture as some 25 bytes in base64, which a page paints as a blurred placeholder until the image is there. */
export function hashThumbnail(bitmap: Bitmap): string {
  const { width, height, data } = shrink(bitmap, Math.ceil(Math.max(bitmap.width, bitmap.height) / MAX_SIDE))
  return Buffer.from(rgbaToThumbHash(width, height, data)).toString('base64')
}

/** Averages squares of `step` pixels a side, each pixel counting as much as it is opaque. */
function shrink(bitmap: Bitmap, step: number): Bitmap {
  if (step === 1) return bitmap
  const width = Math.ceil(bitmap.width / step)
  const height = Math.ceil(bitmap.height / step)
  const data = Buffer.alloc(width * height * 4)
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 4) average(bitmap, x * step, y * step, step, data, at)
  }
  return { width, height, data }
}

function average(bitmap: Bitmap, left: number, top: number, step: number, to: Buffer, at: number): void {
  const { width, height, data } = bitmap
  const right = Math.min(left + step, width)
  const bottom = Math.min(top + step, height)
  let red = 0
  let green = 0
  let blue = 0
  let alpha = 0
  for (let y = top; y < bottom; y++) {
    for (let from = (y * width + left) * 4; from < (y * width + right) * 4; from += 4) {
      const weight = data[from + 3] as number
      red += (data[from] as number) * weight
      green += (data[from + 1] as number) * weight
      blue += (data[from + 2] as number) * weight
      alpha += weight
    }
  }
  if (alpha === 0) return
  to[at] = Math.round(red / alpha)
  to[at + 1] = Math.round(green / alpha)
  to[at + 2] = Math.round(blue / alpha)
  to[at + 3] = Math.round(alpha / ((right - left) * (bottom - top)))
}
