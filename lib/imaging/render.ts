import { AppError } from '../errors.ts'
import { applyOperation, checkOutputSize, resize } from './apply.ts'
import type { Bitmap } from './bitmap.ts'
import { codecs } from './codecs.ts'
import { openConversion, type ToSrgb } from './colour/convert.ts'
import { decode } from './decode.ts'
import { asRenderError, isOfService, isOutOfMemory } from './errors.ts'
import { formats } from './formats.ts'
import type { Header } from './headers/header.ts'
import { toImage } from './jimp.ts'
import { describeSource, type Metadata } from './metadata.ts'
import { needsColours, type Operation, type Size } from './operations.ts'
import { orient } from './orientation.ts'
import { asBuffer, readSource } from './probe.ts'
import { DEFAULT_QUALITY, type Recipe, type RenditionSpec } from './recipe.ts'
import { asStored, pixelsOf, targetOf, wholeSize } from './sizes.ts'
import { forgetLarge, keepAtMost, MOST_LARGE_MEMORY } from './wasm/large.ts'
import { readyCodec, takeBack } from './wasm/module.ts'

export type RenderedImage = {
  name: string
  format: RenditionSpec['format']
  contentType: string
  width: number
  height: number
  data: Uint8Array
}

/** `timings` in ms: of the decoding, and of everything made from it. */
export type Rendered = {
  source: Metadata
  renditions: RenderedImage[]
  timings: { decode: number; render: number }
}

/**
 * Larger sources than `maxPixels` are refused; `exifGps`: whether the metadata has the place where the picture was taken;
 * `keptMemory`: bytes of WebAssembly memory that are kept for the next large picture.
 */
export type RenderOptions = { maxPixels: number; exifGps?: boolean; keptMemory?: number }

/**
 * Makes every rendition of a recipe from one source, which is decoded once, no larger than they need; metadata stays
 * out of them. One that fails fails all, and its name is in the message.
 */
export async function renderAll(
  source: Uint8Array,
  recipe: Recipe,
  { maxPixels, exifGps = false, keptMemory = MOST_LARGE_MEMORY }: RenderOptions,
  probed = readSource(source, maxPixels),
): Promise<Rendered> {
  const { info, header } = probed
  await readyCodec()
  keepAtMost(keptMemory)
  const start = performance.now()
  const toSrgb = openConversion(asBuffer(source), header)
  const stored = await decode(asBuffer(source), info.format, header, targetOf(recipe, header))
  const end = performance.now()
  const renditions = new Map<RenditionSpec, RenderedImage>()
  const decoded: Decoded = { header, made: [stored], toSrgb }
  try {
    for (const spec of recipe.renditions.toSorted((one, other) => boxOf(other) - boxOf(one)))
      renditions.set(spec, await render(decoded, spec))
    return {
      source: describeSource(source, probed, decoded.smallest ?? toSrgb(stored), exifGps),
      renditions: recipe.renditions.flatMap((spec) => renditions.get(spec) ?? []),
      timings: { decode: end - start, render: performance.now() - end },
    }
  } finally {
    takeBack(stored.data)
  }
}

/** As `renderAll`; undefined where there was not the memory for it, of which what can be spared is then given back. */
export async function renderIfMemory(...args: Parameters<typeof renderAll>): Promise<Rendered | undefined> {
  try {
    return await renderAll(...args)
  } catch (error) {
    if (!isOutOfMemory(error)) throw asRenderError(error)
    forgetLarge()
    return undefined
  }
}

/**
 * A source as stored, not as shown: the bitmap it became, perhaps smaller than its header says, and what was made of that,
 * both in the colours of the source; and the smallest rendition, in sRGB.
 */
type Decoded = { header: Header; made: Bitmap[]; toSrgb: ToSrgb; smallest?: Bitmap }

/** How much smaller per side a rendition must be than another to be made from it: that costs 0.0005 of structural similarity. */
const STEP = 1.5

const isFit = ({ operations: [first, ...rest] }: RenditionSpec): boolean =>
  first?.op === 'fit' && rest.length === 0

const boxOf = ({ operations: [first] }: RenditionSpec) =>
  first?.op === 'fit' ? first.width * first.height : 0

/** Makes one rendition, and keeps it for smaller ones if it is only fitted. */
async function render(decoded: Decoded, spec: RenditionSpec): Promise<RenderedImage> {
  try {
    const small = apply(decoded, spec)
    if (!decoded.smallest || pixelsOf(small) < pixelsOf(decoded.smallest)) decoded.smallest = small
    const { width, height } = small
    checkOutputSize(width, height)
    const data = await codecs[spec.format].encode(small, spec.quality ?? DEFAULT_QUALITY)
    const { contentType } = formats[spec.format]
    return { name: spec.name, format: spec.format, contentType, width, height, data }
  } catch (error) {
    if (isOfService(error)) throw error
    const { code, message } = asRenderError(error)
    throw new AppError(code, `${spec.name}: ${message}`, { cause: error })
  }
}

/** A picture that is resized first is turned upright when it is small. */
function apply({ header, made, toSrgb }: Decoded, spec: RenditionSpec): Bitmap {
  const [source] = made as [Bitmap]
  const [first, ...rest] = spec.operations
  const head = asStored(first, header)
  const size = wholeSize(head, header)
  if (!head || !size) return applyAll(orient(source, header.orientation), spec.operations, toSrgb)
  const small = head.op === 'cover' ? run(source, [head]) : resizeFrom(made, size)
  if (isFit(spec)) made.push(small)
  return applyAll(orient(small, header.orientation), rest, toSrgb)
}

/** Converts as late as the operations allow: there are fewer pixels then. */
function applyAll(bitmap: Bitmap, operations: readonly Operation[], toSrgb: ToSrgb): Bitmap {
  const first = operations.findIndex(({ op }) => needsColours[op])
  const moves = first < 0 ? operations.length : first
  return run(toSrgb(run(bitmap, operations.slice(0, moves))), operations.slice(moves))
}

const run = (bitmap: Bitmap, operations: readonly Operation[]): Bitmap =>
  operations.reduce(applyOperation, toImage(bitmap)).bitmap

/** Resizes the first bitmap in `made`, or the smallest that is large enough. */
function resizeFrom(made: readonly Bitmap[], { width, height }: Size): Bitmap {
  const base = made.findLast((each) => each.width >= STEP * width && each.height >= STEP * height) ?? made[0]
  return resize(toImage(base as Bitmap), width, height).bitmap
}
