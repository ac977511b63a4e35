import type { Bitmap } from './bitmap.ts'
import { decodeBmp } from './decode/bmp.ts'
import { decodeGif } from './decode/gif.ts'
import { decodeJpeg, readyJpegDecoder } from './decode/jpeg.ts'
import { decodePgm } from './decode/pgm.ts'
import { decodePng } from './decode/png.ts'
import { decodeWebp } from './decode/webp.ts'
import { encodeJpeg } from './encode/jpeg.ts'
import { encodePng } from './encode/png.ts'
import { encodeWebp } from './encode/webp.ts'
import type { HeaderOf, OutputFormat, SourceFormat } from './formats.ts'
import type { Header } from './headers/header.ts'
import type { Target } from './sizes.ts'
import { readyWebpDecoder } from './wasm/webp-decoder.ts'

/**
 * Decodes a source whose header was read, not yet oriented. With a `target`, the largest sides in px (as stored) that will
 * be made of it, the bitmap may be smaller than the source; without, it has every pixel.
 */
type Decode<Name extends SourceFormat> = (
  source: Buffer,
  header: HeaderOf<Name>,
  target: Target | undefined,
) => Bitmap | Promise<Bitmap>

/** `quality` is 1..100 and means nothing where a format has none. */
type Encode = (bitmap: Bitmap, quality: number) => Promise<Buffer>

type Codec<Name extends SourceFormat> = {
  /** What must come before `decode`: loads what a source with such a header needs. */
  ready?: (header: Header) => Promise<void>
  decode: Decode<Name>
} & (Name extends OutputFormat ? { encode: Encode } : { encode?: never })

/** Decoder and encoder of each format of `formats.ts`. */
export const codecs: { [Name in SourceFormat]: Codec<Name> } = {
  jpeg: { ready: readyJpegDecoder, decode: decodeJpeg, encode: encodeJpeg },
  png: { decode: decodePng, encode: encodePng },
  gif: { decode: decodeGif },
  bmp: { decode: decodeBmp },
  webp: { ready: readyWebpDecoder, decode: decodeWebp, encode: encodeWebp },
  pgm: { decode: decodePgm },
}
