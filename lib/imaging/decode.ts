import { inflateSync } from 'node:zlib'
import { AppError } from '../errors.ts'
import type { Bitmap } from './bitmap.ts'
import { decodeBmp } from './decode-bmp.ts'
import { decodeGif } from './decode-gif.ts'
import { corrupt } from './errors.ts'
import { pngChunks, readPngHeader } from './headers/png.ts'
import { formats } from './jimp.ts'
import type { Scale } from './jpeg/decode.ts'
import type { SourceFormat } from './probe.ts'
import { decodeWebp, readyWebpDecoder } from './webp.ts'

type Decode = (source: Buffer, scale: Scale) => Bitmap | Promise<Bitmap>

const decoders: Record<SourceFormat, Decode> = {
  jpeg: (source, scale) => formats.jpeg.decode(source, { scale }),
  png: decodePng,
  gif: decodeGif,
  bmp: decodeBmp,
  webp: decodeWebp,
}

/** Decodes a probed source, not yet oriented; a JPEG at a scale, others as they are. Whatever a decoder throws becomes `corrupt-image`. */
export async function decode(source: Buffer, format: SourceFormat, scale: Scale): Promise<Bitmap> {
  if (format === 'webp') await readyWebpDecoder()
  try {
    return await decoders[format](source, scale)
  } catch (error) {
    if (error instanceof AppError) throw error
    if (error instanceof RangeError && error.message.includes('allocation failed')) {
      throw new AppError('render-crashed', 500, 'Out of memory', { retry: true, cause: error })
    }
    throw corrupt(`damaged ${format.toUpperCase()} data`, error)
  }
}

function decodePng(source: Buffer): Bitmap {
  const { width, height, interlaced, bitsPerPixel, end } = readPngHeader(source, () => {})
  if (end === undefined) throw corrupt('it ends before its last chunk')
  // pngjs inflates interlaced data without a limit: a bomb of 50 MiB would become 50 GB.
  if (interlaced) checkInflatedSize(source, 2 * (Math.ceil((width * bitsPerPixel) / 8) + 1) * (height + 8))
  // pngjs refuses bytes after the end, which browsers ignore.
  return formats.png.decode(source.subarray(0, end), {})
}

function checkInflatedSize(source: Buffer, maxOutputLength: number): void {
  const data = [...pngChunks(source)].filter(({ type }) => type === 'IDAT')
  inflateSync(Buffer.concat(data.map(({ start, end }) => source.subarray(start, end))), { maxOutputLength })
}
