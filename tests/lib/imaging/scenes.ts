import { expect } from 'vitest'
import type { Bitmap } from '../../../lib/imaging/bitmap.ts'
import { renderAll } from '../../../lib/imaging/render.ts'
import { parseTransformations } from '../../../lib/photos/transformations.ts'
import * as images from '../../support/images.ts'
import { decoded, open } from '../../support/reference.ts'

/** Slopes, waves, a disc's edge and stripes: what a resize gets wrong shows in one of them. */
export const scene = (alphaAt: (x: number, y: number) => number = () => 255): Bitmap =>
  images.paint(600, 400, (x, y) => {
    const alpha = alphaAt(x, y)
    if (Math.hypot(x - 380, y - 170) < 110) return [220, 60, 128, alpha]
    if (y > 300 && Math.floor(x / 16) % 2 === 0) return [30, 40, 128, alpha]
    return [(x * 255) / 600, (y * 255) / 400, 128 + 90 * Math.sin(x / 23) * Math.cos(y / 31), alpha]
  })

// Fades to nothing towards the corners; what is transparent has colours all the same.
export const fading = scene((x, y) => Math.max(0, Math.round(255 - Math.hypot(x - 300, y - 200))))

// Both decoders agree on it: with 4:4:4 there is no colour to be made up.
const photo = await open(scene()).removeAlpha().jpeg({ quality: 98, chromaSubsampling: '4:4:4' }).toBuffer()

/** The scene as sources of several kinds. */
export const SOURCES = {
  opaque: await images.png(scene()),
  transparent: await images.png(fading),
  'a JPEG turned by its EXIF data': images.jpegWithOrientation(photo, 6),
  'a WebP mirrored by its EXIF data': images.webpWithOrientation(
    await open(scene()).removeAlpha().webp({ lossless: true }).toBuffer(),
    scene(),
    7,
  ),
}

/** What transformations make of a source. */
export async function make(
  source: Buffer,
  transformations: string[],
): Promise<{ made: Bitmap; bytes: number }> {
  const recipe = parseTransformations(transformations)
  const { renditions } = await renderAll(source, recipe, { maxPixels: 50_000_000 })
  const data = renditions[0]?.data ?? expect.fail()
  return { made: await decoded(data), bytes: data.length }
}
