import type { Header } from './headers/header.ts'
import type { Operation, Size } from './operations.ts'
import { DEFAULT_QUALITY, FULL_COLOUR_QUALITY, type Recipe, type RenditionSpec } from './recipe.ts'

/**
 * The sides in px to which an operation at the head of a list brings the whole of a picture before anything is cut off;
 * undefined where it needs every pixel as it is.
 */
export function wholeSize(operation: Operation | undefined, size: Size): Size | undefined {
  if (operation?.op === 'resize') return operation
  if (operation?.op === 'fit') return fitSize(size, operation)
  if (operation?.op !== 'cover') return undefined
  const scale = Math.max(operation.width / size.width, operation.height / size.height)
  return { width: size.width * scale, height: size.height * scale }
}

/**
 * What a decode is for: the largest sides in px, as stored, that the renditions have, and whether all of them are stored with
 * colours of half the resolution.
 */
export type Target = Size & { halfColours?: boolean }

/** The target of a recipe; undefined where a rendition needs every pixel. */
export function targetOf({ renditions }: Recipe, header: Header): Target | undefined {
  const sizes = renditions.map(({ operations: [first] }) => wholeSize(asStored(first, header), header))
  const known = sizes.filter((size) => size !== undefined)
  if (known.length < sizes.length) return undefined
  return {
    width: Math.max(...known.map(({ width }) => width)),
    height: Math.max(...known.map(({ height }) => height)),
    halfColours: renditions.every(hasHalfColours),
  }
}

/** Lossy WebP has nothing else, and JPEG by `wasm/encode/encode.ts` below quality 90. */
const hasHalfColours = ({ format, quality = DEFAULT_QUALITY }: RenditionSpec): boolean =>
  format === 'webp' || (format === 'jpeg' && quality < FULL_COLOUR_QUALITY)

/** The first operation for the picture as stored: one on its side has its sides exchanged. */
export function asStored(operation: Operation | undefined, { orientation }: Header): Operation | undefined {
  if (!operation || !('width' in operation) || orientation < 5) return operation
  return { ...operation, width: operation.height, height: operation.width }
}

/** The sides in px of a picture inside a box: aspect kept to the nearest pixel, never enlarged, at least 1. */
export function fitSize({ width, height }: Size, box: Size): Size {
  const scale = Math.min(1, box.width / width, box.height / height)
  return { width: atLeastOne(width * scale), height: atLeastOne(height * scale) }
}

/** The nearest whole number of px, at least 1. */
export const atLeastOne = (side: number) => Math.max(1, Math.round(side))

/** An operation with the sides in px before and after it; undefined where only the picture knows them. */
export type Step = { operation: Operation; from: Size | undefined; to: Size | undefined }

/** The steps of a list on a picture of these sides; undefined where they are not known yet. */
export function stepsOf(operations: readonly Operation[], size: Size | undefined): Step[] {
  let from = size
  return operations.map((operation) => {
    const step = { operation, from, to: sizeAfter(operation, from) }
    from = step.to
    return step
  })
}

function sizeAfter(operation: Operation, size: Size | undefined): Size | undefined {
  if (operation.op === 'fit') return size && fitSize(size, operation)
  if ('width' in operation) return { width: operation.width, height: operation.height }
  if (!size || operation.op !== 'rotate' || operation.degrees === 180) return size
  return { width: size.height, height: size.width }
}

/** How many pixels a picture of these sides has; none where they are not known. */
export const pixelsOf = (size: Size | undefined) => (size ? size.width * size.height : 0)
