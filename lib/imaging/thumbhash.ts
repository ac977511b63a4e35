import { rgbaToThumbHash } from 'thumbhash'
import type { Bitmap } from './bitmap.ts'

/** The longest side in px that the hash is made from; the 100 that it could take make the same for twice the CPU. */
const MAX_SIDE = 64

/** Below it the waves that the hash stores cannot be told apart, and a picture of one colour gets others. */
const MIN_SIDE = 8

/** A picture as some 25 bytes in base64, which a page paints as a blurred placeholder until the image is there. */
export function hashThumbnail(bitmap: Bitmap): string {
  const scale = Math.min(1, MAX_SIDE / Math.max(bitmap.width, bitmap.height))
  const side = (length: number) => Math.max(MIN_SIDE, Math.round(length * scale))
  const { width, height, data } = sample(bitmap, side(bitmap.width), side(bitmap.height))
  return Buffer.from(rgbaToThumbHash(width, height, data)).toString('base64')
}

/** Each pixel is the average of those it stands for, each counting as much as it is opaque. */
function sample(bitmap: Bitmap, width: number, height: number): Bitmap {
  const data = Buffer.alloc(width * height * 4)
  for (let y = 0, at = 0; y < height; y++) {
    const [top, bottom] = span(y, height, bitmap.height)
    for (let x = 0; x < width; x++, at += 4) {
      const [left, right] = span(x, width, bitmap.width)
      average(bitmap, left, top, right, bottom, data, at)
    }
  }
  return { width, height, data }
}

/** Which of `from` pixels the one at `at` of `to` stands for: at least one, the last not included. */
function span(at: number, to: number, from: number): [first: number, end: number] {
  const first = Math.floor((at * from) / to)
  return [first, Math.max(first + 1, Math.floor(((at + 1) * from) / to))]
}

function average(
  { width, data }: Bitmap,
  left: number,
  top: number,
  right: number,
  bottom: number,
  to: Buffer,
  at: number,
): void {
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
