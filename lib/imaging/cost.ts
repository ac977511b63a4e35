import { AppError } from '../errors.ts'
import { isOperation, type Operation, type Size } from './operations.ts'
import type { Recipe } from './recipe.ts'
import { pixelsOf, type Step, stepsOf } from './sizes.ts'

/**
 * How often an operation touches each pixel that it reads and each that it makes, in units of some 8 ms of processor time a
 * megapixel: measured on 49 MP, in which a blur takes 60 ms a megapixel, and three times as long where there is alpha.
 */
const WEIGHTS: Record<Operation['op'], { read: number; made: number }> = {
  resize: { read: 1, made: 1 },
  fit: { read: 1, made: 1 },
  cover: { read: 1, made: 1 },
  crop: { read: 0, made: 3 },
  grayscale: { read: 0, made: 5 },
  rotate: { read: 0, made: 1 },
  flip: { read: 0, made: 1 },
  blur: { read: 0, made: 8 },
}

/** In pixels. One that is unknown costs nothing: it will be refused. */
function costOf({ operation: { op }, from, to }: Step): number {
  return isOperation(op) ? WEIGHTS[op].read * pixelsOf(from) + WEIGHTS[op].made * pixelsOf(to) : 0
}

/**
 * Throws `too-costly` when the operations of a recipe touch more than `maxCost` megapixels. Without the sides of the source
 * only those count whose sides the recipe names, so that what is refused then would be refused for any source.
 */
export function checkCost({ renditions }: Recipe, maxCost: number, source?: Size): void {
  const steps = renditions.flatMap(({ operations }) => stepsOf(operations, source))
  const cost = steps.reduce((sum, step) => sum + costOf(step), 0) / 1e6
  if (!(cost > maxCost)) return
  const message = `The operations cost ${Math.ceil(cost)} megapixels, more than the ${maxCost} allowed`
  throw new AppError('too-costly', message)
}
