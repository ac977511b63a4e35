import { createJimp } from '@jimp/core'
import * as color from '@jimp/plugin-color'
import * as crop from '@jimp/plugin-crop'
import type { Bitmap } from './bitmap.ts'
import { resizePlugin } from './resize.ts'

/** What an operation may use of a Jimp image; its instance and constructor types do not unify. */
export type Image = {
  readonly bitmap: Bitmap
  /** Has pixels of its own, for what changes pixels in place. */
  clone(): Image
  resize(size: { w: number; h: number }): Image
  crop(part: { x: number; y: number; w: number; h: number }): Image
  greyscale(): Image
}

const Jimp = createJimp({
  formats: [],
  plugins: [resizePlugin, crop.methods, color.methods],
})

/** A Jimp image over a bitmap, whose pixels it shares; `fromBitmap` would take all of the memory a Buffer is a view of. */
export const toImage = (bitmap: Bitmap) => new Jimp({ ...bitmap }) as unknown as Image
