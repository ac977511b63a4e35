import { readFile } from 'node:fs/promises'
import path from 'node:path'
import sharp from 'sharp'
import { PROJECT_RECIPE, type Recipe, THUMBNAIL_RECIPE } from '../../../lib/imaging/recipe.ts'
import { type RenderedImage, renderAll } from '../../../lib/imaging/render.ts'
import { compare, type Likeness, makeReference } from './likeness.ts'

/** What a rendition and sharp's own of the same sides are like, against a reference that lost nothing. */
export type Quality = { name: string; width: number; height: number; ours: Likeness; sharp: Likeness }

/** Measures every rendition that is smaller than the source, made as `format`. */
export async function measureQuality(
  source: Uint8Array,
  { renditions }: Recipe,
  format: 'png' | 'jpeg',
): Promise<Quality[]> {
  const recipe = { renditions: renditions.map((spec) => ({ ...spec, format })) }
  const rendered = await renderAll(source, recipe, { maxPixels: 50_000_000 })
  const smaller = rendered.renditions.filter(({ width }) => width < rendered.source.width)
  return Promise.all(smaller.map((image) => compareToSharp(source, image)))
}

async function compareToSharp(source: Uint8Array, image: RenderedImage): Promise<Quality> {
  const { name, format, width, height, data } = image
  const reference = await makeReference(source, width, height)
  const theirs = await sharp(source)
    .autoOrient()
    .resize(width, height, { fit: 'fill' })
    // For PNG a quality would mean a palette.
    .toFormat(format, format === 'jpeg' ? { quality: 80 } : {})
    .toBuffer()
  return {
    ...{ name, width, height },
    ours: await compare(data, reference),
    sharp: await compare(theirs, reference),
  }
}

/** Prints the quality of each rendition of the photos, before it is encoded (PNG) and as it is delivered (JPEG). */
export async function benchQuality(files: readonly string[]): Promise<void> {
  console.log('| photo | rendition | as | ours: SSIM | PSNR | sharp: SSIM | PSNR |')
  console.log('| --- | --- | --- | ---: | ---: | ---: | ---: |')
  const show = ({ ssim, psnr }: Likeness) => `${ssim.toFixed(4)} | ${psnr.toFixed(1)}`
  for (const file of files) {
    const source = await readFile(file)
    for (const recipe of [THUMBNAIL_RECIPE, PROJECT_RECIPE]) {
      for (const format of ['png', 'jpeg'] as const) {
        for (const { name, width, height, ours, sharp } of await measureQuality(source, recipe, format)) {
          const rendition = `${path.basename(file)} | ${name} ${width}x${height} | ${format}`
          console.log(`| ${rendition} | ${show(ours)} | ${show(sharp)} |`)
        }
      }
    }
  }
}
