import type { HeaderOf, SourceFormat } from '../formats.ts'
import { BMP_COMPRESSION } from '../headers/bmp.ts'
import type { JpegHeader } from '../headers/jpeg.ts'
import type { Size } from '../operations.ts'
import { scaleFor } from '../scale.ts'
import { boxSideFor, shrunkSize } from '../shrink.ts'
import { pixelsOf } from '../sizes.ts'

/** What a decode takes at its peak in bytes, beside the source itself, and the sides in px of the bitmap that it leaves. */
export type DecodeMemory = { bytes: number; bitmap: Size }

/** Of a source of so many bytes whose header was read, for a `target` as a decoder has it. */
type MemoryOf<Name extends SourceFormat> = (
  header: HeaderOf<Name>,
  target: Size | undefined,
  sourceBytes: number,
) => DecodeMemory

/**
 * What each decoder takes, all of which may stay until the picture is done: memory of WebAssembly never shrinks, and buffers
 * wait for the collector. Upper bounds, which `tests/lib/imaging/memory.long.test.ts` holds to what is measured.
 */
export const decodeMemory: { [Name in SourceFormat]: MemoryOf<Name> } = {
  /** The source and a scan without its stuffing, the bitmap, and all coefficients where they come in several scans. */
  jpeg: (header, target, sourceBytes) => {
    const scale = scaleFor(header, target)
    const bitmap = { width: (header.width * scale) / 8, height: (header.height * scale) / 8 }
    const coefficients = header.isSequential ? 0 : coefficientBytes(header, scale)
    const inks = header.icc?.space === 'CMYK' ? INKS : 0
    return { bytes: 2 * sourceBytes + RGBA * pixelsOf(bitmap) + coefficients + inks, bitmap }
  },
  /** The source and the bitmap; of an interlaced picture the sums of all boxes at once. */
  png: (header, target, sourceBytes) => {
    const side = boxSideFor(header, target)
    const bitmap = shrunkSize(header, side)
    const bytesOfPixel = header.interlaced && side > 1 ? SUMS : RGBA
    return { bytes: sourceBytes + bytesOfPixel * pixelsOf(bitmap), bitmap }
  },
  /** An index for each pixel of the frame, and the bitmap. */
  gif: (header, target) => {
    const bitmap = shrunkSize(header, boxSideFor(header, target))
    return { bytes: pixelsOf(header.frame) + RGBA * pixelsOf(bitmap), bitmap }
  },
  /** The bitmap, and an index of two bytes for each pixel where there are runs. */
  bmp: (header, target) => {
    const bitmap = shrunkSize(header, boxSideFor(header, target))
    const indices = header.compression === BMP_COMPRESSION.rgb ? 0 : 2 * pixelsOf(header)
    return { bytes: indices + RGBA * pixelsOf(bitmap), bitmap }
  },
  /** Copies of the source, the bitmap, and what libwebp takes: 4.3 bytes a pixel of a photo, 6 with alpha, 9 where lossless. */
  webp: (header, target, sourceBytes) => {
    const bitmap = shrunkSize(header, boxSideFor(header, target))
    return { bytes: 3 * sourceBytes + 9 * pixelsOf(header) + RGBA * pixelsOf(bitmap), bitmap }
  },
  pgm: (header, target) => {
    const bitmap = shrunkSize(header, boxSideFor(header, target))
    return { bytes: RGBA * pixelsOf(bitmap), bitmap }
  },
}

/** Bytes of a pixel of a bitmap, and of one whose mean is not taken yet. */
export const RGBA = 4
const SUMS = 16

/** Bytes that lcms takes with a profile of 4 MB, and the tables made by it. */
const INKS = 32 * 2 ** 20

/** Bytes of the coefficients of a block that count at each scale, with a bit for each that is not zero. */
const BLOCK_BYTES = { 1: 2 + 8, 2: 16 + 8, 4: 48 + 8, 8: 128 + 8 } as const

/** Colours of half the resolution are decoded at twice the scale. */
function coefficientBytes({ samplesPerPixel, ...size }: JpegHeader, scale: keyof typeof BLOCK_BYTES): number {
  const blocks = pixelsOf(size) / 64
  const colourScale = scale === 1 ? 2 : scale === 2 ? 4 : 8
  return blocks * (BLOCK_BYTES[scale] + (samplesPerPixel - 1) * BLOCK_BYTES[colourScale])
}
