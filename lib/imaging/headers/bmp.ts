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
  [BMP_COMPRESSION.rgb]: [1, 4, 8, 16, 24, 32],
  [BMP_COMPRESSION.rle8]: [8],
  [BMP_COMPRESSION.rle4]: [4],
  [BMP_COMPRESSION.bitFields]: [16, 32],
  [BMP_COMPRESSION.alphaBitFields]: [16, 32],
}

/** Reads the headers of a Windows bitmap, version 2 (core) to 5. A negative height means top-down rows. */
export function readBmpHeader(source: Buffer, checkSize: CheckSize): BmpHeader {
  if (source.length < 26) throw corrupt('no BMP header')
  const headerBytes = source.readUInt32LE(14)
  const core = headerBytes === 12
  if ((!core && headerBytes < 40) || 14 + headerBytes > source.length) throw corrupt('no BMP header')
  const width = core ? source.readUInt16LE(18) : source.readInt32LE(18)
  const signedHeight = core ? source.readUInt16LE(20) : source.readInt32LE(22)
  if (width < 0) throw corrupt('a negative width')
  const height = Math.abs(signedHeight)
  checkSize(width, height)

  const bitsPerPixel = source.readUInt16LE(core ? 24 : 28)
  const compression = core ? BMP_COMPRESSION.rgb : source.readUInt32LE(30)
  if (!DEPTHS[compression]?.includes(bitsPerPixel)) {
    throw unsupported(
      `BMP with ${bitsPerPixel} bits per pixel and compression ${compression} is not supported`,
    )
  }
  const masked = compression === BMP_COMPRESSION.bitFields || compression === BMP_COMPRESSION.alphaBitFields
  const maskBytes = masked && headerBytes === 40 ? (compression === BMP_COMPRESSION.bitFields ? 12 : 16) : 0
  const start = 14 + headerBytes + maskBytes
  const pixels = source.readUInt32LE(10)
  const declared = core ? 0 : source.readUInt32LE(46)
  const entries = bitsPerPixel > 8 ? 0 : Math.min(declared || 256, 1 << bitsPerPixel)
  if (start > source.length || pixels > source.length || pixels < start) throw corrupt('a BMP cut short')
  return {
    width,
    height,
    orientation: 1,
    topDown: signedHeight < 0,
    bitsPerPixel,
    compression,
    pixels,
    palette: { start, entries, entryBytes: core ? 3 : 4 },
    masks: masked ? readMasks(source, headerBytes, maskBytes) : defaultMasks(bitsPerPixel),
  }
}

function readMasks(source: Buffer, headerBytes: number, maskBytes: number): BmpHeader['masks'] {
  const hasAlpha = headerBytes >= 56 || maskBytes === 16
  if (source.length < 70) throw corrupt('a BMP cut short')
  return [
    source.readUInt32LE(54),
    source.readUInt32LE(58),
    source.readUInt32LE(62),
    hasAlpha ? source.readUInt32LE(66) : 0,
  ]
}

const defaultMasks = (bitsPerPixel: number): BmpHeader['masks'] =>
  bitsPerPixel === 16 ? [0x7c00, 0x3e0, 0x1f, 0] : [0xff0000, 0xff00, 0xff, 0]
