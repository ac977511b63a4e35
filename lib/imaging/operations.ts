import { AppError } from '../errors.ts'

/** The longest side of an output in px: what WebP (16,383) and every viewer can take. */
export const MAX_OUTPUT_SIDE = 10_000

const MAX_OUTPUT_PIXELS = 50_000_000

export type Size = { width: number; height: number }

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

/** An operation of one kind; a table by kind that lacks one does not compile. */
export type OperationOf<Op extends Operation['op']> = Extract<Operation, { op: Op }>

/** Whether an operation computes with colours; the others only move pixels, or take means of them for another size. */
export const needsColours: Record<Operation['op'], boolean> = {
  resize: false,
  fit: false,
  cover: false,
  crop: false,
  grayscale: true,
  rotate: false,
  flip: false,
  blur: true,
}

/** How operations are written: their form, for the error message, and what stands behind the colon. */
const grammar: {
  [Op in Operation['op']]: {
    usage: string
    parse(text: string): Omit<OperationOf<Op>, 'op'> | undefined
  }
} = {
  resize: {
    usage: 'resize:WxH, exactly, sides from 1 to 10000, at most 50 megapixels',
    parse: parseOutputSize,
  },
  fit: {
    usage: 'fit:WxH, inside and never enlarged, sides from 1 to 10000',
    parse: parseSize,
  },
  cover: {
    usage: 'cover:WxH, filled from the middle, sides from 1 to 10000, at most 50 megapixels',
    parse: parseOutputSize,
  },
  crop: {
    usage: 'crop:X,Y,W,H, sides from 1 to 10000',
    parse: parseCrop,
  },
  grayscale: {
    usage: 'grayscale',
    parse: (text) => (text === '' ? {} : undefined),
  },
  rotate: {
    usage: 'rotate:90, rotate:180 or rotate:270, clockwise',
    parse: (text) => {
      const degrees = ([90, 180, 270] as const).find((each) => String(each) === text)
      return degrees && { degrees }
    },
  },
  flip: {
    usage: 'flip:h, left and right exchanged, or flip:v',
    parse: (text) => (text === 'h' || text === 'v' ? { axis: text } : undefined),
  },
  blur: {
    usage: 'blur:R, from 1 to 100',
    parse: (text) => {
      const radius = parseWhole(text, 1, 100)
      return radius === undefined ? undefined : { radius }
    },
  },
}

export const isOperation = (op: string): op is Operation['op'] => Object.hasOwn(grammar, op)

/** Reads an operation from its text, such as `fit:320x320`. Throws `invalid` that says what would fit. */
export function parseOperation(text: string): Operation {
  const [, op = '', argument = ''] = /^([a-z]+)(?::(.*))?$/.exec(text) ?? []
  if (!isOperation(op)) throw invalid(`is none of ${Object.keys(grammar).join(', ')}, format, quality`)
  const { usage, parse } = grammar[op]
  const parsed = text.endsWith(':') ? undefined : parse(argument)
  if (!parsed) throw invalid(`must be ${usage}`)
  return { op, ...parsed } as Operation
}

const invalid = (detail: string) => new AppError('invalid', detail)

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

function parseCrop(text: string): (Size & { x: number; y: number }) | undefined {
  const parts = text.split(',')
  const [x, y] = parts.slice(0, 2).map((place) => parseWhole(place, 0, 1_000_000))
  const [width, height] = parts.slice(2).map((side) => parseWhole(side, 1, MAX_OUTPUT_SIDE))
  if (parts.length !== 4 || x === undefined || y === undefined || !width || !height) return undefined
  return { x, y, width, height }
}
