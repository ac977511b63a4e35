import { type DecodeMemory, decodeMemory, RGBA } from './decode/memory.ts'
import type { OutputFormat } from './formats.ts'
import type { Header } from './headers/header.ts'
import { isOperation, needsColours, type Operation, type Size } from './operations.ts'
import { orientSize } from './orientation.ts'
import type { Probed } from './probe.ts'
import { DEFAULT_QUALITY, type Recipe, type RenditionSpec } from './recipe.ts'
import { pixelsOf, type Step, stepsOf, targetOf, wholeSize } from './sizes.ts'

/** Bytes that any render takes: code that is compiled, kernels, strips of rows, and what is not collected yet. */
const FIXED = 24 * 2 ** 20

/**
 * Bytes that operations and encoders take for each pixel that they make, at their peak and beside the picture at hand:
 * measured on noise, which takes most. `translucent` is what is taken where there may be alpha.
 */
const WORKING: Record<Operation['op'], { opaque: number; translucent: number }> = {
  resize: { opaque: RGBA, translucent: RGBA },
  fit: { opaque: RGBA, translucent: RGBA },
  cover: { opaque: RGBA, translucent: RGBA },
  crop: { opaque: RGBA, translucent: RGBA },
  grayscale: { opaque: RGBA, translucent: RGBA },
  rotate: { opaque: RGBA, translucent: RGBA },
  flip: { opaque: RGBA, translucent: RGBA },
  blur: { opaque: 2 * RGBA, translucent: 5 * RGBA },
}

/** As `WORKING`; JPEG of full colour resolution has twice as many samples, at up to three times the detail. */
const ENCODING: Record<OutputFormat, (quality: number) => { opaque: number; translucent: number }> = {
  jpeg: (quality) => (quality < 90 ? { opaque: 7, translucent: 7 } : { opaque: 17, translucent: 17 }),
  png: () => ({ opaque: 12, translucent: 14 }),
  webp: () => ({ opaque: 28, translucent: 36 }),
}

/** Bytes of a pixel in an encoded file, in all but the worst cases. */
const ENCODED = 1

/** Rows of the source that a resize has in its ring: `openRing` in `resize-bitmap.ts`. */
const RING_ROWS = { always: 64, perStretch: 12 }

/**
 * Bytes above idle that a render takes at its peak, the source included, as known from its header alone. An upper bound:
 * pictures without detail take half of it.
 */
export function memoryOfRender({ info, header }: Probed, recipe: Recipe): number {
  const decode = decodeMemory[info.format] as (...args: unknown[]) => DecodeMemory
  const decoded = decode(header, targetOf(recipe, header), info.bytes)
  const kind = info.format === 'jpeg' ? 'opaque' : 'translucent'
  const peaks = recipe.renditions.map((spec) => peakOf(spec, header, decoded.bitmap, kind))
  return FIXED + info.bytes + decoded.bytes + keptBytes(recipe, info) + Math.max(...peaks)
}

/** What stays of renditions until the last is made: files, and those that are only fitted as pixels. */
function keptBytes({ renditions }: Recipe, shown: Size): number {
  if (renditions.length === 1) return 0
  const pixels = renditions.map(({ operations }) => pixelsOf(stepsOf(operations, shown).at(-1)?.to ?? shown))
  return pixels.reduce((sum, each) => sum + (RGBA + ENCODED) * each, 0)
}

/** What one rendition takes beside the decoded picture. */
function peakOf(spec: RenditionSpec, header: Header, decoded: Size, kind: Kind): number {
  const turn = header.orientation > 1 ? RGBA : 0
  let [peak, atHand] = [0, 0]
  const make = (bytes: number, made: number) => {
    // What was before may not be collected yet.
    peak = Math.max(peak, 2 * atHand + bytes)
    atHand = made
  }
  const shown = orientSize(decoded.width, decoded.height, header.orientation)
  const isSized = wholeSize(spec.operations[0], shown) !== undefined
  if (!isSized) make(turn * pixelsOf(shown), turn * pixelsOf(shown))
  let isConverted = header.icc?.space !== 'RGB '
  const convert = (pixels: number) => {
    if (!isConverted) make(RGBA * pixels, RGBA * pixels)
    isConverted = true
  }
  for (const [index, step] of stepsOf(spec.operations, shown).entries()) {
    if (needsColours[step.operation.op]) convert(pixelsOf(step.from))
    make(workingBytes(step, kind), RGBA * pixelsOf(step.to))
    if (index === 0 && isSized) make(turn * pixelsOf(step.to), RGBA * pixelsOf(step.to))
  }
  const made = stepsOf(spec.operations, shown).at(-1)?.to ?? shown
  convert(pixelsOf(made))
  make(ENCODING[spec.format](spec.quality ?? DEFAULT_QUALITY)[kind] * pixelsOf(made), 0)
  return peak
}

function workingBytes({ operation, from, to }: Step, kind: Kind): number {
  if (!isOperation(operation.op)) return 0
  const bytes = WORKING[operation.op][kind] * pixelsOf(to)
  if (!from || !to || !wholeSize(operation, from)) return bytes
  const rows = Math.min(from.height, RING_ROWS.always + (RING_ROWS.perStretch * from.height) / to.height)
  // What `cover` cuts off is cut off before.
  return bytes + RGBA * from.width * rows + (operation.op === 'cover' ? RGBA * pixelsOf(from) : 0)
}

type Kind = 'opaque' | 'translucent'
