import type { Size } from './operations.ts'

/** Eighths of the sides that a JPEG can be decoded at: what becomes of a block of 8x8. */
export const SCALES = [1, 2, 4, 8] as const

export type Scale = (typeof SCALES)[number]

/** How many pixels there must be per pixel of a rendition, a side, for the resize to choose from. */
const MARGIN = 1.25

/** The smallest scale that leaves `MARGIN` times as many pixels a side as the target has; all of them without a target. */
export function scaleFor({ width, height }: Size, target: Size | undefined): Scale {
  if (!target) return 8
  const fits = (scale: Scale) =>
    width * scale >= 8 * MARGIN * target.width && height * scale >= 8 * MARGIN * target.height
  return SCALES.find(fits) ?? 8
}
