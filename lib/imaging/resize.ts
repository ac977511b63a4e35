import { methods as jimp } from '@jimp/plugin-resize'
import { mixByAlpha } from './alpha.ts'
import type { Bitmap } from './bitmap.ts'
import type { Size } from './operations.ts'
import { prescale, resizeBitmap } from './resize-bitmap.ts'
import { takeBack } from './wasm/module.ts'

/** The longest side in px of what Jimp's own resize makes. */
const THUMBNAIL_SIDE = 320

/**
 * Jimp's `resize`, for bitmaps with an extent. Jimp itself makes thumbnails, from a picture of exactly twice their sides:
 * from any other it would average fractions of pixels, which blurs (0.003 to 0.03 of structural similarity). Larger pictures
 * are made by Lanczos3 in WebAssembly, ten times as fast.
 */
function resize<I extends { bitmap: Bitmap }>(image: I, { w, h }: { w: number; h: number }): I {
  const size = { width: w, height: h }
  const isThumbnail = Math.max(w, h) <= THUMBNAIL_SIDE
  image.bitmap = isThumbnail ? resizeByJimp(image.bitmap, size) : resizeBitmap(image.bitmap, size)
  return image
}

function resizeByJimp(source: Bitmap, size: Size): Bitmap {
  const { twice, isOpaque } = prescale(source, size)
  const halve = (bitmap: Bitmap): Bitmap => {
    const image = { bitmap: { ...bitmap } }
    jimp.resize(image as never, { w: size.width, h: size.height })
    return image.bitmap
  }
  const made = isOpaque ? halve(twice) : mixByAlpha(twice, halve)
  takeBack(twice.data)
  return made
}

export const resizePlugin = { resize }
