import { AppError } from '../errors.ts'
import { isOpaque } from './alpha.ts'
import { applyOperation, checkOutputSize, fitSize, resize } from './apply.ts'
import type { Bitmap } from './bitmap.ts'
import { decode } from './decode.ts'
import { corrupt } from './errors.ts'
import { toImage } from './jimp.ts'
import { describeSource, type Metadata } from './metadata.ts'
import type { Operation } from './operations.ts'
import { orient } from './orientation.ts'
import { asBuffer, readSource } from './probe.ts'
import { DEFAULT_QUALITY, type Recipe, type RenditionSpec } from './recipe.ts'

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

/** `exifGps`: whether the metadata tells where the picture was taken. */
export type RenderOptions = { maxPixels: number; exifGps?: boolean }

/** PNG: colour type 2 has no alpha channel, which saves a quarter; level 6 is three times as fast as 9, and 1 % larger. */
const encodings: Record<
  RenditionSpec['format'],
  {
    contentType: string
    prepare: (bitmap: Bitmap) => Bitmap
    options: (bitmap: Bitmap, quality: number) => object
  }
> = {
  jpeg: { contentType: 'image/jpeg', prepare: flatten, options: (_, quality) => ({ quality }) },
  png: {
    contentType: 'image/png',
    prepare: (bitmap) => bitmap,
    options: (bitmap) => ({ colorType: isOpaque(bitmap) ? 2 : 6, deflateLevel: 6 }),
  },
  webp: { contentType: 'image/webp', prepare: (bitmap) => bitmap, options: (_, quality) => ({ quality }) },
}

/**
 * Makes every rendition of a recipe from one source, which is decoded and oriented once; metadata stays out of them.
 * One that fails fails all, and its name is in the message.
 */
export async function renderAll(
  source: Uint8Array,
  recipe: Recipe,
  { maxPixels, exifGps = false }: RenderOptions,
): Promise<Rendered> {
  const { info, header } = readSource(source, maxPixels)
  const start = performance.now()
  const stored = await decode(asBuffer(source), info.format, maxPixels)
  if (stored.width !== header.width || stored.height !== header.height) throw corrupt('sizes that contradict')
  const decoded = performance.now()
  const bitmap = orient(stored, header.orientation)
  const renditions = new Map<RenditionSpec, RenderedImage>()
  const made: Bitmap[] = [bitmap]
  let smallest: Bitmap | undefined
  for (const spec of recipe.renditions.toSorted((one, other) => boxOf(other) - boxOf(one))) {
    const { small, image } = await render(made, spec)
    renditions.set(spec, image)
    if (isFit(spec)) made.push(small)
    if (!smallest || areaOf(small) < areaOf(smallest)) smallest = small
  }
  const described = describeSource(info, header.exif, smallest ?? bitmap, exifGps)
  const timings = { decode: decoded - start, render: performance.now() - decoded }
  return {
    source: described,
    renditions: recipe.renditions.flatMap((spec) => renditions.get(spec) ?? []),
    timings,
  }
}

/** How much smaller per side a rendition must be than another to be made from it: at this ratio nothing visible is lost. */
const STEP = 2

type Fit = Extract<Operation, { op: 'fit' }>

const isFit = ({ operations: [first, ...rest] }: RenditionSpec): boolean =>
  first?.op === 'fit' && rest.length === 0

const boxOf = ({ operations: [first] }: RenditionSpec) =>
  first?.op === 'fit' ? first.width * first.height : 0

const areaOf = ({ width, height }: Bitmap) => width * height

/** Makes one rendition of the first bitmap in `made`, from the smallest that is large enough if it is only fitted. */
async function render(
  made: readonly Bitmap[],
  spec: RenditionSpec,
): Promise<{ small: Bitmap; image: RenderedImage }> {
  try {
    const small = isFit(spec) ? fitFrom(made, spec) : whole(made, spec)
    const { width, height } = small
    checkOutputSize(width, height)
    const encoding = encodings[spec.format]
    const ready = encoding.prepare(small)
    const options = encoding.options(ready, spec.quality ?? DEFAULT_QUALITY)
    const data = await toImage(ready).getBuffer(encoding.contentType, options)
    const image = {
      name: spec.name,
      format: spec.format,
      contentType: encoding.contentType,
      width,
      height,
      data,
    }
    return { small, image }
  } catch (error) {
    if (!(error instanceof AppError)) {
      throw new AppError('render-failed', 500, `${spec.name}: the image could not be made`, { cause: error })
    }
    const { code, status, message, retry } = error
    throw new AppError(code, status, `${spec.name}: ${message}`, { retry, cause: error })
  }
}

const whole = ([source]: readonly Bitmap[], spec: RenditionSpec): Bitmap =>
  spec.operations.reduce(applyOperation, toImage(source as Bitmap)).bitmap

/** Sides are those of a fit of the source itself: a fit of a fit may be a pixel off. */
function fitFrom(made: readonly Bitmap[], { operations: [box] }: RenditionSpec): Bitmap {
  const { width, height } = fitSize(made[0] as Bitmap, box as Fit)
  const base = made.findLast((each) => each.width >= STEP * width && each.height >= STEP * height) ?? made[0]
  return resize(toImage(base as Bitmap), width, height).bitmap
}

/** The picture on white, in a copy; JPEG has no transparency. */
function flatten(bitmap: Bitmap): Bitmap {
  if (isOpaque(bitmap)) return bitmap
  const data = Buffer.from(bitmap.data)
  for (let at = 0; at < data.length; at += 4) {
    const alpha = (data[at + 3] ?? 0) / 255
    for (let i = at; i < at + 3; i++) data[i] = Math.round((data[i] ?? 0) * alpha + 255 * (1 - alpha))
    data[at + 3] = 255
  }
  return { ...bitmap, data }
}
