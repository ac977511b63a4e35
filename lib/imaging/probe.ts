import { AppError } from '../errors.ts'
import { corrupt, tooManyPixels, unsupported } from './errors.ts'
import { formatOf, formats, type SourceFormat } from './formats.ts'
import type { Header } from './headers/header.ts'
import { orientSize } from './orientation.ts'

/** What a source is, from its first bytes; `width` and `height` as shown, after orientation. */
export type SourceInfo = {
  format: SourceFormat
  contentType: string
  width: number
  height: number
  bytes: number
}

/** What a source is, and its header with the sides as stored and the orientation that leads to the sides as shown. */
export type Probed = { info: SourceInfo; header: Header }

/**
 * Says what a source is without decoding it, in microseconds. Throws `empty-source`, `unsupported-format`,
 * `too-many-pixels` or `corrupt-image`.
 */
export const probe = (source: Uint8Array, maxPixels: number): SourceInfo => readSource(source, maxPixels).info

/** As `probe`, with the header, which the decoder needs. */
export function readSource(source: Uint8Array, maxPixels: number): Probed {
  if (source.length === 0) throw new AppError('empty-source', 'The source is empty')
  const bytes = asBuffer(source)
  const format = formatOf(bytes)
  if (!format) throw unsupported('The source is not a JPEG, PNG, GIF, BMP, WebP or PGM image')
  const { contentType, readHeader } = formats[format]
  const header = readHeader(bytes, (width, height) => checkSize(width, height, maxPixels))
  const size = orientSize(header.width, header.height, header.orientation)
  return { info: { format, contentType, ...size, bytes: source.length }, header }
}

/** The same bytes as a Buffer, not copied. */
export const asBuffer = (source: Uint8Array) =>
  Buffer.from(source.buffer, source.byteOffset, source.byteLength)

/** The longest side of a source in px. */
const MAX_SIDE = 30_000

function checkSize(width: number, height: number, maxPixels: number): void {
  if (width === 0 || height === 0) throw corrupt('a side of no pixels')
  if (width > MAX_SIDE || height > MAX_SIDE)
    throw tooManyPixels(`The image is ${width}x${height}: a side may have at most ${MAX_SIDE} pixels`)
  if (width * height > maxPixels)
    throw tooManyPixels(`The image is ${width}x${height}, more than the ${maxPixels} pixels allowed`)
}
