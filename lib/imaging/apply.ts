import { AppError } from '../errors.ts'
import { mixByAlpha } from './alpha.ts'
import type { Bitmap } from './bitmap.ts'
import { blur } from './blur.ts'
import { type Image, toImage } from './jimp.ts'
import { isOperation, MAX_OUTPUT_SIDE, type Operation, type OperationOf, type Size } from './operations.ts'
import { orient } from './orientation.ts'
import { atLeastOne, fitSize } from './sizes.ts'

/** Returns a new image: the pixels of the one given belong to other renditions too. */
type Apply<O extends Operation> = (image: Image, operation: O) => Image

const operations: { [Op in Operation['op']]: Apply<OperationOf<Op>> } = {
  resize: (image, { width, height }) => resize(image, width, height),
  fit: (image, box) => {
    const { width, height } = fitSize(image.bitmap, box)
    return resize(image, width, height)
  },
  cover: (image, size) => crop(image, middle(inside(image.bitmap), size.width / size.height), size),
  crop: (image, { x, y, width, height }) => {
    const { bitmap } = image
    if (x + width > bitmap.width || y + height > bitmap.height)
      throw new AppError('crop-outside', `The crop reaches beyond ${bitmap.width}x${bitmap.height}`)
    return crop(image, { x, y, width, height }, { width, height })
  },
  grayscale: (image) => image.clone().greyscale(),
  rotate: (image, { degrees }) => toImage(orient(image.bitmap, { 90: 6, 180: 3, 270: 8 }[degrees])),
  flip: (image, { axis }) => toImage(orient(image.bitmap, { h: 2, v: 4 }[axis])),
  blur: ({ bitmap }, { radius }) => toImage(mixByAlpha(bitmap, (opaque) => blur(opaque, radius))),
}

/** Applies one operation. Throws `invalid-recipe` for one that is unknown: a recipe is stored, and code changes. */
export function applyOperation(image: Image, operation: Operation): Image {
  const { op } = operation
  if (!isOperation(op)) throw new AppError('invalid-recipe', `Unknown operation ${op as string}`)
  const apply = operations[op] as Apply<Operation>
  return apply(image, operation)
}

/** Throws `output-too-large` when a side is longer than `MAX_OUTPUT_SIDE`. */
export function checkOutputSize(width: number, height: number): void {
  if (width <= MAX_OUTPUT_SIDE && height <= MAX_OUTPUT_SIDE) return
  const message = `An output of ${width}x${height} has a side over ${MAX_OUTPUT_SIDE} pixels`
  throw new AppError('output-too-large', message)
}

/** Resizes to exactly these sides in px. Checked before the pixels are made, so that an operation which enlarges cannot exhaust the memory. */
export function resize(image: Image, w: number, h: number): Image {
  checkOutputSize(w, h)
  if (w === image.bitmap.width && h === image.bitmap.height) return image
  return toImage(image.bitmap).resize({ w, h })
}

type Part = Size & { x: number; y: number }

/** A part of the picture, resized to `size`. */
function crop(image: Image, { x, y, width, height }: Part, size: Size): Image {
  const cut = withoutExtent(toImage(image.bitmap).crop({ x, y, w: width, h: height }))
  return resize(cut, size.width, size.height)
}

/** Jimp changes the bitmap in place, and knows nothing of its extent. */
const withoutExtent = ({ bitmap: { width, height, data } }: Image) => toImage({ width, height, data })

/** The whole pixels that lie inside the picture. */
const inside = ({ extent, ...bitmap }: Bitmap): Size => ({
  width: atLeastOne(Math.floor(extent?.width ?? bitmap.width)),
  height: atLeastOne(Math.floor(extent?.height ?? bitmap.height)),
})

/** The largest part of that aspect (width by height) around the middle, at least one pixel a side. */
function middle({ width, height }: Size, aspect: number): Part {
  const size = {
    width: Math.min(width, atLeastOne(height * aspect)),
    height: Math.min(height, atLeastOne(width / aspect)),
  }
  return { ...size, x: Math.floor((width - size.width) / 2), y: Math.floor((height - size.height) / 2) }
}
