import { rgbaToThumbHash } from 'thumbhash'
import type { Bitmap } from './bitmap.ts'
import { resizeBitmap } from './resize-bitmap.ts'

/**
 * The longest side in px that the hash is made from: more than three for each of the waves it stores. The 100 that it could
 * take make the same, with 18 times the garbage: as much as all the rest of a thumbnail together.
 */
const MAX_SIDE = 24

/** Below it the waves that the hash stores cannot be told apart, and a picture of one colour gets others. */
const MIN_SIDE = 8

/**
 * A picture as some 25 bytes in base64, which a page paints as a blurred placeholder until the image is there.
 * `readyCodec` must have come before.
 */
export function hashThumbnail(bitmap: Bitmap): string {
  const scale = Math.min(1, MAX_SIDE / Math.max(bitmap.width, bitmap.height))
  const side = (length: number) => Math.max(MIN_SIDE, Math.round(length * scale))
  const { width, height, data } = resizeBitmap(bitmap, {
    width: side(bitmap.width),
    height: side(bitmap.height),
  })
  return Buffer.from(rgbaToThumbHash(width, height, data)).toString('base64')
}
