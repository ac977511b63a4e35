import { expect, test } from 'vitest'
import type { Bitmap } from '../../../lib/imaging/bitmap.ts'
import { PROJECT_RECIPE, type RenditionSpec } from '../../../lib/imaging/recipe.ts'
import { renderAll } from '../../../lib/imaging/render.ts'
import * as images from '../../support/images.ts'
import { compare, decoded, open } from '../../support/reference.ts'

const limits = { maxPixels: 50_000_000 }

/** Slopes without edges, on which every resize should agree. */
const slopes = (width: number, height: number) =>
  images.paint(width, height, (x, y) => [
    (x * 255) / width,
    (y * 255) / height,
    128 + 100 * Math.sin(x / 90),
    255,
  ])

const sizesOf = async (bitmap: Bitmap) => {
  const { renditions } = await renderAll(await open(bitmap).jpeg().toBuffer(), PROJECT_RECIPE, limits)
  return Object.fromEntries(renditions.map(({ name, width, height }) => [name, [width, height]]))
}

test.each([
  [3000, 2000, { thumb: [150, 100], big_thumb: [700, 467], big_1920: [1620, 1080], d2500: [2500, 1667] }],
  [2000, 3000, { thumb: [80, 120], big_thumb: [467, 700], big_1920: [720, 1080], d2500: [1667, 2500] }],
  [100, 80, { thumb: [100, 80], big_thumb: [100, 80], big_1920: [100, 80], d2500: [100, 80] }],
  [3000, 30, { thumb: [150, 2], big_thumb: [700, 7], big_1920: [1920, 19], d2500: [2500, 25] }],
])('makes the versions of %dx%d, never enlarged', async (width, height, sizes) => {
  expect(await sizesOf(images.paint(width, height, () => images.COLOURS.grey))).toEqual(sizes)
})

test('a version made from a larger one looks as one made from the source', async () => {
  const source = await open(slopes(2400, 1800)).png().toBuffer()
  const renditions = PROJECT_RECIPE.renditions.map((spec): RenditionSpec => ({ ...spec, format: 'png' }))
  const together = await renderAll(source, { renditions }, limits)
  for (const [index, spec] of renditions.entries()) {
    const [alone] = (await renderAll(source, { renditions: [spec] }, limits)).renditions
    const [one, other] = [
      await decoded(alone?.data ?? expect.fail()),
      await decoded(together.renditions[index]?.data ?? expect.fail()),
    ]
    expect(compare(other, one).mean).toBeLessThan(1)
  }
})

test('one version that fails fails all, and the error names it', async () => {
  const renditions = PROJECT_RECIPE.renditions.map((spec) =>
    spec.name === 'big_thumb' ? { ...spec, operations: [{ op: 'swirl' } as never] } : spec,
  )
  const rendering = renderAll(await images.png(slopes(40, 30)), { renditions }, limits)
  await expect(rendering).rejects.toMatchObject({ message: 'big_thumb: Unknown operation swirl' })
})
