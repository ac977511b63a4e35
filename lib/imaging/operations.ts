import { AppError } from '../errors.ts'
import type { Image } from './jimp.ts'
import type { Operation } from './recipe.ts'

/** The longest side of an output in px: what WebP (16,383) and every viewer can take. */
export const MAX_OUTPUT_SIDE = 10_000

/** Returns an image with the operation applied. The pixels of the one given belong to other renditions too. */
type Apply<O extends Operation> = (image: Image, operation: O) => Image

const operations: { [Op in Operation['op']]: Apply<Extract<Operation, { op: Op }>> } = {
  fit: (image, box) => {
    const { width, height } = fitSize(image.bitmap, box)
    return resize(image, width, height)
  },
}

type Size = { width: number; height: number }

/** The sides in px of a picture inside a box: aspect kept to the nearest pixel, never enlarged, at least 1. */
export function fitSize({ width, height }: Size, box: Size): Size {
  const scale = Math.min(1, box.width / width, box.height / height)
  return { width: atLeastOne(width * scale), height: atLeastOne(height * scale) }
}

/** Applies one operation. Throws `invalid-recipe` for one that is unknown: a recipe is stored, and code changes. */
export function applyOperation(image: Image, operation: Operation): Image {
  if (!Object.hasOwn(operations, operation.op)) {
    throw new AppError('invalid-recipe', 422, `Unknown operation ${operation.op}`)
  }
  const apply = operations[operation.op] as Apply<Operation>
  return apply(image, operation)
}

/** Throws `output-too-large` when a side is longer than `MAX_OUTPUT_SIDE`. */
export function checkOutputSize(width: number, height: number): void {
  if (width <= MAX_OUTPUT_SIDE && height <= MAX_OUTPUT_SIDE) return
  const message = `An output of ${width}x${height} has a side over ${MAX_OUTPUT_SIDE} pixels`
  throw new AppError('output-too-large', 422, message)
}

/** Resizes to exactly these sides in px. Checked before the pixels are made, so that an operation which enlarges cannot exhaust the memory. */
export function resize(image: Image, w: number, h: number): Image {
  checkOutputSize(w, h)
  return w === image.bitmap.width && h === image.bitmap.height ? image : image.resize({ w, h })
}

const atLeastOne = (side: number) => Math.max(1, Math.round(side))
