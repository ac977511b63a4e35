import sharp from 'sharp'
import { ssim } from 'ssim.js'

/** Mean structural similarity, 1 for the same, and the ratio of peak signal to noise in dB, infinite for the same. */
export type Likeness = { ssim: number; psnr: number }

/** How near two encoded images of the same sides are to each other, in 8-bit sRGB, at full resolution. */
export async function compare(one: Uint8Array, other: Uint8Array): Promise<Likeness> {
  const [a, b] = await Promise.all([toPixels(one), toPixels(other)])
  if (a.width !== b.width || a.height !== b.height)
    throw new Error(`${a.width}x${a.height} is not ${b.width}x${b.height}`)
  let squares = 0
  for (let at = 0; at < a.data.length; at++) squares += ((a.data[at] ?? 0) - (b.data[at] ?? 0)) ** 2
  // The fourth channel is 255 in both.
  const mean = squares / (a.width * a.height * 3)
  return {
    ssim: ssim(a as never, b as never, { downsample: false }).mssim,
    psnr: 10 * Math.log10(255 ** 2 / mean),
  }
}

async function toPixels(image: Uint8Array) {
  const { data, info } = await sharp(image)
    .flatten()
    .toColourspace('srgb')
    .ensureAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true })
  return { width: info.width, height: info.height, data: new Uint8ClampedArray(data) }
}

/** The picture of a source inside a box as well as it can be made: decoded in full, then Lanczos3, without loss. */
export async function makeReference(source: Uint8Array, width: number, height: number): Promise<Buffer> {
  const { data, info } = await sharp(source)
    .autoOrient()
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true })
  return sharp(data, { raw: info })
    .resize(width, height, { fit: 'fill', kernel: 'lanczos3' })
    .png({ compressionLevel: 1 })
    .toBuffer()
}
