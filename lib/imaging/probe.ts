import { AppError } from '../errors.ts'
import { corrupt, unsupported } from './errors.ts'
import { readBmpHeader } from './headers/bmp.ts'
import { readGifHeader } from './headers/gif.ts'
import type { CheckSize, Header } from './headers/header.ts'
import { readJpegHeader } from './headers/jpeg.ts'
import { readPngHeader } from './headers/png.ts'
import { readWebpHeader } from './headers/webp.ts'
import { orientSize } from './orientation.ts'

export type SourceFormat = 'jpeg' | 'png' | 'gif' | 'bmp' | 'webp'

/** What a source is, from its first bytes; `width` and `height` as shown, after orientation. */
export type SourceInfo = {
  format: SourceFormat
  contentType: string
  width: number
  height: number
  bytes: number
}

type Reader = {
  contentType: string
  matches: (source: Buffer) => boolean
  readHeader: (source: Buffer, checkSize: CheckSize) => Header
}

const readers: Record<SourceFormat, Reader> = {
  jpeg: {
    contentType: 'image/jpeg',
    matches: (source) => startsWith(source, '\xff\xd8\xff'),
    readHeader: readJpegHeader,
  },
  png: {
    contentType: 'image/png',
    matches: (source) => startsWith(source, '\x89PNG\r\n\x1a\n'),
    readHeader: readPngHeader,
  },
  gif: {
    contentType: 'image/gif',
    matches: (source) => startsWith(source, 'GIF87a') || startsWith(source, 'GIF89a'),
    readHeader: readGifHeader,
  },
  bmp: {
    contentType: 'image/bmp',
    // Two letters alone would claim text; the reserved bytes are zero in practice.
    matches: (source) => startsWith(source, 'BM') && source.toString('latin1', 6, 10) === '\0\0\0\0',
    readHeader: readBmpHeader,
  },
  webp: {
    contentType: 'image/webp',
    matches: (source) => startsWith(source, 'RIFF') && source.toString('latin1', 8, 12) === 'WEBP',
    readHeader: readWebpHeader,
  },
}

/**
 * Says what a source is without decoding it, in microseconds. Throws `empty-source`, `unsupported-format`,
 * `too-many-pixels` or `corrupt-image`.
 */
export function probe(source: Uint8Array, maxPixels: number): SourceInfo {
  return readSource(source, maxPixels).info
}

/** As `probe`, with the sides as stored and the orientation that leads from them to the sides as shown. */
export function readSource(source: Uint8Array, maxPixels: number): { info: SourceInfo; header: Header } {
  if (source.length === 0) throw new AppError('empty-source', 422, 'The source is empty')
  const bytes = asBuffer(source)
  const found = Object.entries(readers).find(([, reader]) => reader.matches(bytes))
  if (!found) throw unsupported('The source is not a JPEG, PNG, GIF, BMP or WebP image')
  const [format, { contentType, readHeader }] = found as [SourceFormat, Reader]
  const header = readHeader(bytes, (width, height) => checkSize(width, height, maxPixels))
  const size = orientSize(header.width, header.height, header.orientation)
  return { info: { format, contentType, ...size, bytes: source.length }, header }
}

/** The same bytes as a Buffer, not copied. */
export const asBuffer = (source: Uint8Array) =>
  Buffer.from(source.buffer, source.byteOffset, source.byteLength)

function checkSize(width: number, height: number, maxPixels: number): void {
  if (width === 0 || height === 0) throw corrupt('a side of no pixels')
  if (width * height <= maxPixels) return
  const message = `The image is ${width}x${height}, more than the ${maxPixels} pixels allowed`
  throw new AppError('too-many-pixels', 422, message)
}

const startsWith = (source: Buffer, magic: string) => source.toString('latin1', 0, magic.length) === magic
