import { corrupt, unsupported } from '../errors.ts'
import type { CheckSize, Header } from './header.ts'

export type BmpHeader = Header & {
  topDown: boolean
  bitsPerPixel: number
  compression: number
  /** Where the pixels start, and the palette with the bytes per entry. */
  pixels: number
  palette: { start: number; entries: number; entryBytes: 3 | 4 }
  /** Bit masks of red, green, blue and alpha, for 16 and 32 bits. */
  masks: readonly [number, number, number, number]
}

export const BMP_COMPRESSION = { rgb: 0, rle8: 1, rle4: 2, bitFields: 3, alphaBitFields: 6 } as const

const DEPTHS: Record<number, number[]> = {
  [BMP_COMPRESSION.rgb]: [1, 2, 4, 8, 16, 24, 32],
  [BMP_COMPRESSION.rle8]: [8],
  [BMP_COMPRESSION.rle4]: [4],
  [BMP_COMPRESSION.bitFields]: [16, 32],
  [BMP_COMPRESSION.alphaBitFields]: [16, 32],
}

/** Headers before Windows 3: version 2 (core), and of OS/2 those that leave out their last fields. */
const CORE = 12
const LEAST_OS2 = 16
const WINDOWS_3 = 40

/** The first header that says itself which bits are alpha. */
const WITH_ALPHA_MASK = 56

/** Reads the headers of a bitmap of Windows, version 2 (core) to 5, or OS/2. A negative height means top-down rows. */
export function readBmpHeader(source: Buffer, checkSize: CheckSize): BmpHeader {
  if (source.length < 26) throw corrupt('no BMP header')
  const headerBytes = source.readUInt32LE(14)
  const core = headerBytes === CORE
  if ((!core && headerBytes < LEAST_OS2) || 14 + headerBytes > source.length) throw corrupt('no BMP header')
  const width = core ? source.readUInt16LE(18) : source.readInt32LE(18)
  const signedHeight = core ? source.readUInt16LE(20) : source.readInt32LE(22)
  if (width < 0) throw corrupt('a negative width')
  const height = Math.abs(signedHeight)
  checkSize(width, height)

  /** A field of 32 bits, zero where the header ends before it. */
  const field = (at: number) => (at + 4 <= 14 + headerBytes ? source.readUInt32LE(at) : 0)
  const bitsPerPixel = source.readUInt16LE(core ? 24 : 28)
  const compression = field(30)
  if (!DEPTHS[compression]?.includes(bitsPerPixel)) {
    throw unsupported(
      `BMP with ${bitsPerPixel} bits per pixel and compression ${compression} is not supported`,
    )
  }
  const masked = compression === BMP_COMPRESSION.bitFields || compression === BMP_COMPRESSION.alphaBitFields
  const maskBytes =
    masked && headerBytes === WINDOWS_3 ? (compression === BMP_COMPRESSION.bitFields ? 12 : 16) : 0
  const start = 14 + headerBytes + maskBytes
  const entries = bitsPerPixel > 8 ? 0 : Math.min(field(46) || 256, 1 << bitsPerPixel)
  const entryBytes = core ? 3 : 4
  const declared = source.readUInt32LE(10)
  // Some writers leave the offset zero.
  const pixels = declared < start ? start + entries * entryBytes : declared
  if (pixels > source.length) throw corrupt('a BMP cut short')
  return {
    width,
    height,
    orientation: 1,
    topDown: signedHeight < 0,
    bitsPerPixel,
    compression,
    pixels,
    palette: { start, entries, entryBytes },
    masks: masked ? readMasks(source, start) : defaultMasks(bitsPerPixel, field),
  }
}

/** Masks lie in the header or right behind it: at `start` the pixels or the palette begin. */
function readMasks(source: Buffer, start: number): BmpHeader['masks'] {
  if (source.length < start || start < 66) throw corrupt('a BMP cut short')
  const alpha = start >= 14 + WITH_ALPHA_MASK ? source.readUInt32LE(66) : 0
  return [source.readUInt32LE(54), source.readUInt32LE(58), source.readUInt32LE(62), alpha]
}

/** Without masks 32 bits have an alpha channel only where a header of version 4 declares one. */
const defaultMasks = (bitsPerPixel: number, field: (at: number) => number): BmpHeader['masks'] =>
  bitsPerPixel === 16 ? [0x7c00, 0x3e0, 0x1f, 0] : [0xff0000, 0xff00, 0xff, field(66)]
