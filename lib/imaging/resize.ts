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
  image.bitmap = isThumbnail
    ? resizeByJimp(prescale(image.bitmap, size), size)
    : resizeBitmap(image.bitmap, size)
  return image
}

/** Ends the loan of the pixels given. */
function resizeByJimp(twice: Bitmap, { width: w, height: h }: Size): Bitmap {
  const made = mixByAlpha(twice, (opaque) => {
    const image = { bitmap: { ...opaque } }
    jimp.resize(image as never, { w, h })
    return image.bitmap
  })
  takeBack(twice.data)
  return made
}

export const resizePlugin = { resize }
