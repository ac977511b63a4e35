import sharp from 'sharp'
import { thumbHashToAverageRGBA } from 'thumbhash'
import { expect, test } from 'vitest'
import type { Operation } from '../../../lib/imaging/operations.ts'
import {
  imageRecipe,
  PROJECT_RECIPE,
  type RenditionSpec,
  THUMBNAIL_RECIPE,
} from '../../../lib/imaging/recipe.ts'
import { renderAll } from '../../../lib/imaging/render.ts'
import * as images from '../../support/images.ts'
import { jpegWithProfile, PROFILES } from '../../support/profiles.ts'
import { compare, decoded } from '../../support/reference.ts'

/** As stored, in Display P3; as shown, converted by lcms before anything else; and with its profile lost. */
const unprofiled = await images.jpeg(
  images.paint(800, 600, (x, y) => [250 - x / 8, 30 + y / 6, 30 + 20 * Math.sin((x + y) / 90), 255]),
)
const wide = jpegWithProfile(unprofiled, PROFILES['Display P3'])
const shown = await sharp(wide).png().toBuffer()

const job = (...operations: Operation[]): RenditionSpec[] => [{ name: 'result', operations, format: 'png' }]

const fit = { op: 'fit', width: 300, height: 300 } as const
const crop = { op: 'crop', x: 200, y: 150, width: 400, height: 300 } as const

const RECIPES: Record<string, RenditionSpec[]> = {
  'the thumbnail': THUMBNAIL_RECIPE.renditions,
  'an image of v1': imageRecipe(64).renditions,
  'the versions of a project': PROJECT_RECIPE.renditions,
  'one version and one that is cut out': [...PROJECT_RECIPE.renditions.slice(0, 1), ...job(crop)],
  'no operation': job(),
  'a crop': job(crop),
  'a crop, then a resize': job(crop, { op: 'resize', width: 200, height: 200 }),
  'a resize to more pixels': job({ op: 'resize', width: 900, height: 700 }),
  'a cover': job({ op: 'cover', width: 200, height: 200 }),
  'a rotation, then a fit': job({ op: 'rotate', degrees: 90 }, fit),
  'grey from the first': job({ op: 'grayscale' }, fit),
  'a fit, then grey': job(fit, { op: 'flip', axis: 'h' }, { op: 'grayscale' }),
  'a blur from the first': job({ op: 'blur', radius: 3 }, fit),
  'a fit, then a blur': job(fit, { op: 'blur', radius: 3 }),
}

const render = async (source: Buffer, specs: RenditionSpec[]) => {
  const renditions = specs.map((spec): RenditionSpec => ({ ...spec, format: 'png' }))
  const rendered = await renderAll(source, { renditions }, { maxPixels: 50_000_000 })
  const bitmaps = await Promise.all(rendered.renditions.map(({ data }) => decoded(data)))
  return { bitmaps, average: averageOf(rendered.source.thumbhash) }
}

function averageOf(thumbhash: string | null): number[] {
  const { r, g, b } = thumbHashToAverageRGBA(Buffer.from(thumbhash ?? '', 'base64'))
  return [r, g, b]
}

type Made = Awaited<ReturnType<typeof render>> | undefined

/** How far the mean colours of two placeholders are apart. */
const distance = (one: Made, other: Made) =>
  (one?.average ?? []).reduce((sum, value, i) => sum + Math.abs(value - (other?.average[i] ?? 9)), 0)

test.each(Object.entries(RECIPES))(
  'converts the colours of %s once, and of its placeholder',
  async (_, specs) => {
    const [made, expected, lost] = await Promise.all(
      [wide, shown, unprofiled].map((source) => render(source, specs)),
    )
    for (const [i, bitmap] of (made?.bitmaps ?? []).entries()) {
      expect(compare(bitmap, expected?.bitmaps[i] ?? expect.fail()).mean).toBeLessThan(1)
      expect(compare(bitmap, lost?.bitmaps[i] ?? expect.fail()).mean).toBeGreaterThan(2)
    }
    expect(distance(made, expected)).toBeLessThan(distance(made, lost) / 2)
  },
)

test('a profile changes nothing of the source, which is rendered again', async () => {
  const before = Buffer.from(wide)
  const [one, other] = [await render(wide, job(crop)), await render(wide, job(crop))]
  expect(one).toEqual(other)
  expect(wide).toEqual(before)
})
