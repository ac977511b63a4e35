import { createJimp } from '@jimp/core'
import png from '@jimp/js-png'
import * as color from '@jimp/plugin-color'
import * as crop from '@jimp/plugin-crop'
import type { Bitmap } from './bitmap.ts'
import { readJpegHeader } from './headers/jpeg.ts'
import { decodeJpeg, type Scale } from './jpeg/decode.ts'
import { encodeJpeg } from './jpeg/encode.ts'
import { resizePlugin } from './resize.ts'
import { decodeWebp, encodeWebp } from './webp.ts'

/** What an operation may use of a Jimp image; its instance and constructor types do not unify. */
export type Image = {
  readonly bitmap: Bitmap
  /** Has pixels of its own, for what changes pixels in place. */
  clone(): Image
  resize(size: { w: number; h: number }): Image
  crop(part: { x: number; y: number; w: number; h: number }): Image
  greyscale(): Image
  getBuffer(mime: string, options?: object): Promise<Buffer>
}

// `hasAlpha` because without it Jimp lays the picture on black: the encoder does it, on white.
const jpegFormat = () => ({
  mime: 'image/jpeg' as const,
  decode: (source: Buffer, { scale }: { scale?: Scale } = {}) =>
    decodeJpeg(
      source,
      readJpegHeader(source, () => {}),
      scale,
    ),
  hasAlpha: true as const,
  encode: (bitmap: Bitmap, { quality = 80 }: { quality?: number } = {}) => encodeJpeg(bitmap, quality),
})

const webpFormat = () => ({
  mime: 'image/webp' as const,
  hasAlpha: true as const,
  decode: decodeWebp,
  encode: (bitmap: Bitmap, { quality = 80 }: { quality?: number } = {}) => encodeWebp(bitmap, quality),
})

/** Formats as Jimp takes them, whose decoders `decode.ts` uses too. */
export const formats = { jpeg: jpegFormat(), png: png() }

const Jimp = createJimp({
  formats: [jpegFormat, png, webpFormat],
  plugins: [resizePlugin, crop.methods, color.methods],
})

/** A Jimp image over a bitmap, whose pixels it shares; `fromBitmap` would take all of the memory a Buffer is a view of. */
export const toImage = (bitmap: Bitmap) => new Jimp({ ...bitmap }) as unknown as Image
