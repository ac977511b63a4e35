import { expect, test } from 'vitest'
import { checkCost } from '../../../lib/imaging/cost.ts'
import { PROJECT_RECIPE, type Recipe } from '../../../lib/imaging/recipe.ts'
import { parseTransformations } from '../../../lib/photos/transformations.ts'

const DEFAULT_MAX_COST = 400

/** Blurs that lead to too much work, where the sides behind the first are those of `head`. */
const blurred = (...head: string[]) => [...head, ...Array<string>(18).fill('blur:1')]

test.each([
  [blurred('resize:7000x7000'), 7105],
  [blurred('cover:3000x2000'), 870],
  [blurred('crop:0,0,5000,2000'), 1470],
  [blurred('resize:7000x7000', 'fit:2500x2500'), 1005],
  [blurred('resize:7000x7000', 'grayscale'), 7350],
])('%j costs %d megapixels by the sides that it names alone', (list, cost) => {
  const message = `/transformations The operations cost ${cost} megapixels, more than the 400 allowed`
  expect(() => parseTransformations(list, DEFAULT_MAX_COST)).toThrow(
    expect.objectContaining({ code: 'too-costly', status: 422, retry: false, message }),
  )
  expect(parseTransformations(list, cost)).toBeDefined()
})

test.each([[blurred()], [blurred('fit:9999x9999')], [blurred('rotate:90', 'flip:h')]])(
  '%j is as costly as its source is large',
  (list) => {
    const recipe = parseTransformations(list, DEFAULT_MAX_COST)
    expect(() => checkCost(recipe, DEFAULT_MAX_COST, { width: 1000, height: 1000 })).not.toThrow()
    expect(() => checkCost(recipe, DEFAULT_MAX_COST, { width: 2000, height: 1500 })).toThrow(
      expect.objectContaining({ code: 'too-costly', status: 422, retry: false }),
    )
  },
)

test.each([
  [['fit:320x320'], 50],
  [['cover:300x300', 'grayscale', 'blur:100'], 50],
  [['grayscale'], 50],
  [['rotate:90', 'flip:h'], 50],
  [['resize:10000x5000'], 50],
  [['crop:0,0,7000,7000'], 50],
  [['blur:5'], 50],
  [['blur:5', 'grayscale', 'rotate:90'], 24],
])('%j is plain enough for %d megapixels', (list, megapixels) => {
  const recipe = parseTransformations(list, DEFAULT_MAX_COST)
  expect(() => checkCost(recipe, DEFAULT_MAX_COST, { width: megapixels * 100, height: 10_000 })).not.toThrow()
})

test('all renditions count together', () => {
  const source = { width: 10_000, height: 5000 }
  expect(() => checkCost(PROJECT_RECIPE, DEFAULT_MAX_COST, source)).not.toThrow()
  const twice: Recipe = { renditions: [...PROJECT_RECIPE.renditions, ...PROJECT_RECIPE.renditions] }
  expect(() => checkCost(twice, DEFAULT_MAX_COST, source)).toThrow(
    expect.objectContaining({ code: 'too-costly' }),
  )
})
