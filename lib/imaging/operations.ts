import { AppError } from '../errors.ts'
import type { Bitmap } from './bitmap.ts'
import { type Image, toImage } from './jimp.ts'
import { orient } from './orientation.ts'

/** The longest side of an output in px: what WebP (16,383) and every viewer can take. */
export const MAX_OUTPUT_SIDE = 10_000

const MAX_OUTPUT_PIXELS = 50_000_000

type Size = { width: number; height: number }

/** One step of a rendition, as data; sides and places in px. */
export type Operation =
  | ({ op: 'resize' } & Size)
  | ({ op: 'fit' } & Size)
  | ({ op: 'cover' } & Size)
  | ({ op: 'crop'; x: number; y: number } & Size)
  | { op: 'grayscale' }
  | { op: 'rotate'; degrees: 90 | 180 | 270 }
  | { op: 'flip'; axis: 'h' | 'v' }
  | { op: 'blur'; radius: number }

/** How an operation is written, read and done. */
type Definition<O extends Operation> = {
  /** Its form, for the message that tells what is wrong. */
  usage: string
  /** What stands behind the colon; undefined where it does not fit. */
  parse(text: string): Omit<O, 'op'> | undefined
  /** Returns a new image: the pixels of the one given belong to other renditions too. */
  apply(image: Image, operation: O): Image
}

const operations: { [Op in Operation['op']]: Definition<Extract<Operation, { op: Op }>> } = {
  resize: {
    usage: 'resize:WxH, exactly, sides from 1 to 10000, at most 50 megapixels',
    parse: parseOutputSize,
    apply: (image, { width, height }) => resize(image, width, height),
  },
  fit: {
    usage: 'fit:WxH, inside and never enlarged, sides from 1 to 10000',
    parse: parseSize,
    apply: (image, box) => {
      const { width, height } = fitSize(image.bitmap, box)
      return resize(image, width, height)
    },
  },
  cover: {
    usage: 'cover:WxH, filled from the middle, sides from 1 to 10000, at most 50 megapixels',
    parse: parseOutputSize,
    apply: (image, { width, height }) => crop(image, middle(image.bitmap, width / height), { width, height }),
  },
  crop: {
    usage: 'crop:X,Y,W,H, sides from 1 to 10000',
    parse: parseCrop,
    apply: (image, { x, y, width, height }) => {
      const inside = x + width <= image.bitmap.width && y + height <= image.bitmap.height
      if (!inside) throw new AppError('crop-outside', 422, `The crop reaches beyond ${sizeOf(image.bitmap)}`)
      return crop(image, { x, y, width, height }, { width, height })
    },
  },
  grayscale: {
    usage: 'grayscale',
    parse: (text) => (text === '' ? {} : undefined),
    apply: (image) => image.clone().greyscale(),
  },
  rotate: {
    usage: 'rotate:90, rotate:180 or rotate:270, clockwise',
    parse: (text) => {
      const degrees = ([90, 180, 270] as const).find((each) => String(each) === text)
      return degrees && { degrees }
    },
    apply: (image, { degrees }) => toImage(orient(image.bitmap, { 90: 6, 180: 3, 270: 8 }[degrees])),
  },
  flip: {
    usage: 'flip:h, left and right exchanged, or flip:v',
    parse: (text) => (text === 'h' || text === 'v' ? { axis: text } : undefined),
    apply: (image, { axis }) => toImage(orient(image.bitmap, { h: 2, v: 4 }[axis])),
  },
  blur: {
    usage: 'blur:R, from 1 to 100',
    parse: (text) => {
      const radius = parseWhole(text, 1, 100)
      return radius === undefined ? undefined : { radius }
    },
    apply: (image, { radius }) => image.clone().blur(radius),
  },
}

const isKnown = (op: string): op is Operation['op'] => Object.hasOwn(operations, op)

/** Applies one operation. Throws `invalid-recipe` for one that is unknown: a recipe is stored, and code changes. */
export function applyOperation(image: Image, operation: Operation): Image {
  if (!isKnown(operation.op)) {
    throw new AppError('invalid-recipe', 422, `Unknown operation ${(operation as Operation).op}`)
  }
  const { apply } = operations[operation.op] as Definition<Operation>
  return apply(image, operation)
}

/** Reads an operation from its text, such as `fit:320x320`. Throws `invalid-transformation`, 422, that says what would fit. */
export function parseOperation(text: string): Operation {
  const [, op = '', argument = ''] = /^([a-z]+)(?::(.*))?$/.exec(text) ?? []
  if (!isKnown(op)) throw invalid(`is none of ${Object.keys(operations).join(', ')}, format, quality`)
  const { usage, parse } = operations[op] as Definition<Operation>
  const parsed = text.endsWith(':') ? undefined : parse(argument)
  if (!parsed) throw invalid(`must be ${usage}`)
  return { op, ...parsed } as Operation
}

export const invalid = (detail: string) => new AppError('invalid-transformation', 422, detail)

/** A whole number written plainly, or undefined. */
export function parseWhole(text: string, least: number, most: number): number | undefined {
  const value = /^(0|[1-9]\d{0,8})$/.test(text) ? Number(text) : Number.NaN
  return value >= least && value <= most ? value : undefined
}

function parseSize(text: string): Size | undefined {
  const [width, height, ...rest] = text.split('x').map((side) => parseWhole(side, 1, MAX_OUTPUT_SIDE))
  return width === undefined || height === undefined || rest.length > 0 ? undefined : { width, height }
}

function parseOutputSize(text: string): Size | undefined {
  const size = parseSize(text)
  return size && size.width * size.height <= MAX_OUTPUT_PIXELS ? size : undefined
}

function parseCrop(text: string) {
  const parts = text.split(',')
  const [x, y] = parts.slice(0, 2).map((place) => parseWhole(place, 0, 1_000_000))
  const [width, height] = parts.slice(2).map((side) => parseWhole(side, 1, MAX_OUTPUT_SIDE))
  if (parts.length !== 4 || x === undefined || y === undefined || !width || !height) return undefined
  return { x, y, width, height }
}

/** The sides in px of a picture inside a box: aspect kept to the nearest pixel, never enlarged, at least 1. */
export function fitSize({ width, height }: Size, box: Size): Size {
  const scale = Math.min(1, box.width / width, box.height / height)
  return { width: atLeastOne(width * scale), height: atLeastOne(height * scale) }
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
  return w === image.bitmap.width && h === image.bitmap.height
    ? image
    : toImage(image.bitmap).resize({ w, h })
}

type Part = Size & { x: number; y: number }

/** A part of the picture, resized to `size`. */
function crop(image: Image, { x, y, width, height }: Part, size: Size): Image {
  const cut = toImage(image.bitmap).crop({ x, y, w: width, h: height })
  return resize(cut, size.width, size.height)
}

/** The largest part of that aspect (width by height) around the middle, at least one pixel a side. */
function middle({ width, height }: Bitmap, aspect: number): Part {
  const size = {
    width: Math.min(width, atLeastOne(height * aspect)),
    height: Math.min(height, atLeastOne(width / aspect)),
  }
  return { ...size, x: Math.floor((width - size.width) / 2), y: Math.floor((height - size.height) / 2) }
}

const sizeOf = ({ width, height }: Size) => `${width}x${height}`

const atLeastOne = (side: number) => Math.max(1, Math.round(side))
