import { expect } from 'vitest'
import type { Bitmap } from '../../../lib/imaging/bitmap.ts'
import type { RenditionSpec } from '../../../lib/imaging/recipe.ts'
import { renderAll } from '../../../lib/imaging/render.ts'
import { pixels } from '../../support/images.ts'

/** As a service has them. */
export const limits = { maxPixels: 50_000_000 }

/** A rendition that is fitted into a box. */
export const spec = (format: RenditionSpec['format'], width: number, height = width): RenditionSpec => ({
  name: 'small',
  operations: [{ op: 'fit', width, height }],
  format,
})

/** The one rendition of a source, fitted into a box. */
export async function render(
  source: Buffer,
  width: number,
  height = width,
  format: RenditionSpec['format'] = 'png',
) {
  const { renditions } = await renderAll(source, { renditions: [spec(format, width, height)] }, limits)
  return renditions[0] ?? expect.fail('no rendition')
}

/** The pixels of a source as rendered without a change of size. */
export const show = async (source: Buffer): Promise<Bitmap> => pixels((await render(source, 10_000)).data)
