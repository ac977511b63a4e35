import { inflateSync } from 'node:zlib'
import png from '@jimp/js-png'
import type { Bitmap } from '../bitmap.ts'
import { corrupt } from '../errors.ts'
import { type PngHeader, pngChunks } from '../headers/png.ts'

/** Decodes a PNG. */
export function decodePng(
  source: Buffer,
  { width, height, interlaced, bitsPerPixel, end }: PngHeader,
): Bitmap {
  if (end === undefined) throw corrupt('it ends before its last chunk')
  // pngjs inflates interlaced data without a limit: a bomb of 50 MiB would become 50 GB.
  if (interlaced) checkInflatedSize(source, 2 * (Math.ceil((width * bitsPerPixel) / 8) + 1) * (height + 8))
  // pngjs refuses bytes after the end, which browsers ignore.
  return png().decode(source.subarray(0, end), {})
}

function checkInflatedSize(source: Buffer, maxOutputLength: number): void {
  const data = [...pngChunks(source)].filter(({ type }) => type === 'IDAT')
  inflateSync(Buffer.concat(data.map(({ start, end }) => source.subarray(start, end))), { maxOutputLength })
}
