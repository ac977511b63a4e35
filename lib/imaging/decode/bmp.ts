import type { Bitmap } from '../bitmap.ts'
import { corrupt } from '../errors.ts'
import { BMP_COMPRESSION, type BmpHeader } from '../headers/bmp.ts'
import type { Size } from '../operations.ts'
import { shrinkRows } from '../shrink.ts'
import { decodeRuns } from './bmp-runs.ts'

const OPAQUE_BLACK = 0xff000000

/** Writes a stored row as RGBA, 32 bits a pixel. */
type ReadRow = (stored: number, row: Uint32Array) => void

type Rows = { read: ReadRow; there: number }

/**
 * Decodes a Windows bitmap, no larger than `target` needs. Ours because bmp-ts stops after one row at 4 bits and odd widths,
 * mixes up the channels of run-length data and ignores where the header says that the pixels start. Rows that are cut off
 * are transparent, as in browsers; half of them must be there.
 */
export function decodeBmp(source: Buffer, header: BmpHeader, target: Size | undefined): Bitmap {
  const { width, height, compression, topDown } = header
  const isRuns = compression === BMP_COMPRESSION.rle8 || compression === BMP_COMPRESSION.rle4
  const { read, there } = isRuns ? readRuns(source, header) : readRows(source, header)
  if (2 * there < height) throw corrupt('more than half of it is missing or damaged')
  return shrinkRows(header, target, (push) => {
    const row = new Uint32Array(width)
    const bytes = new Uint8Array(row.buffer)
    for (let y = 0; y < height; y++) {
      const stored = topDown ? y : height - 1 - y
      if (stored < there) read(stored, row)
      else row.fill(0)
      push(bytes)
    }
  })
}

function readRuns(source: Buffer, header: BmpHeader): Rows {
  const { width } = header
  const { indices, there } = decodeRuns(source, header)
  const colours = readPalette(source, header)
  const read: ReadRow = (stored, row) => {
    for (let x = 0, from = stored * width; x < width; x++) {
      const index = indices[from + x] as number
      row[x] = index === 0 ? 0 : (colours[index - 1] as number)
    }
  }
  return { read, there }
}

/** The padding of the last row may be missing. */
function readRows(source: Buffer, header: BmpHeader): Rows {
  const { width, height, bitsPerPixel, pixels } = header
  const rowBytes = Math.ceil((width * bitsPerPixel) / 8)
  const stride = Math.ceil(rowBytes / 4) * 4
  const there = Math.min(height, Math.floor((source.length - pixels + stride - rowBytes) / stride))
  const readAt =
    bitsPerPixel <= 8 ? indexed(source, header) : bitsPerPixel === 24 ? bgr(source) : masked(source, header)
  return { read: (stored, row) => readAt(pixels + stored * stride, row), there }
}

function indexed(source: Buffer, header: BmpHeader): ReadRow {
  const { bitsPerPixel } = header
  const colours = readPalette(source, header)
  const perByte = 8 / bitsPerPixel
  const mask = (1 << bitsPerPixel) - 1
  return (at, row) => {
    for (let x = 0; x < row.length; at++) {
      const packed = source[at] as number
      const end = Math.min(x + perByte, row.length)
      for (let shift = 8 - bitsPerPixel; x < end; x++, shift -= bitsPerPixel)
        row[x] = colours[(packed >> shift) & mask] as number
    }
  }
}

function bgr(source: Buffer): ReadRow {
  return (at, row) => {
    for (let x = 0; x < row.length; x++, at += 3) row[x] = OPAQUE_BLACK | colourAt(source, at)
  }
}

function masked(source: Buffer, header: BmpHeader): ReadRow {
  const bytes = header.bitsPerPixel / 8
  const [red, green, blue, alpha] = header.masks.map(readMask) as [Channel, Channel, Channel, Channel]
  const opaque = isInvisible(source, header) ? OPAQUE_BLACK : 0
  const read = ({ mask, shift, values }: Channel, pixel: number) => values[(pixel & mask) >>> shift] as number
  return (at, row) => {
    for (let x = 0; x < row.length; x++, at += bytes) {
      const low = (source[at] as number) | ((source[at + 1] as number) << 8)
      const pixel =
        bytes === 2 ? low : low | ((source[at + 2] as number) << 16) | ((source[at + 3] as number) << 24)
      row[x] =
        opaque |
        read(red, pixel) |
        (read(green, pixel) << 8) |
        (read(blue, pixel) << 16) |
        (read(alpha, pixel) << 24)
    }
  }
}

/** What the bits of a channel in a packed pixel stand for, from 0 to 255. */
type Channel = { mask: number; shift: number; values: Uint8Array }

/** Bits of a channel that count: a table of all values would otherwise grow with the mask. */
const MOST_BITS = 12

function readMask(mask: number): Channel {
  const low = mask === 0 ? 0 : 31 - Math.clz32(mask & -mask)
  const shift = Math.max(low, 32 - MOST_BITS - Math.clz32(mask))
  const max = mask >>> shift
  return {
    mask,
    shift,
    values: Uint8Array.from({ length: max + 1 }, (_, i) => Math.round((i * 255) / (max || 1))),
  }
}

/** Whether there is no alpha channel, or one that says nothing: some writers declare it and leave it zero. */
function isInvisible(source: Buffer, { masks: [, , , alpha], bitsPerPixel, pixels }: BmpHeader): boolean {
  const bytes = bitsPerPixel / 8
  if (alpha === 0) return true
  for (let at = pixels; at + bytes <= source.length; at += bytes)
    if ((source.readUIntLE(at, bytes) & alpha) !== 0) return false
  return true
}

/** The colours as RGBA in 32 bits; black beyond those that the palette has. */
function readPalette(source: Buffer, { palette: { start, entries, entryBytes } }: BmpHeader): Uint32Array {
  const colours = new Uint32Array(256).fill(OPAQUE_BLACK)
  for (let i = 0, at = start; i < entries && at + 3 <= source.length; i++, at += entryBytes)
    colours[i] = OPAQUE_BLACK | colourAt(source, at)
  return colours
}

/** Blue, green and red at an offset as the lower bits of RGBA. */
const colourAt = (source: Buffer, at: number) =>
  (source[at + 2] as number) | ((source[at + 1] as number) << 8) | ((source[at] as number) << 16)
