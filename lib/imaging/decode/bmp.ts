import type { Bitmap } from '../bitmap.ts'
import { corrupt } from '../errors.ts'
import { BMP_COMPRESSION, type BmpHeader } from '../headers/bmp.ts'

type Colour = readonly [number, number, number]

/**
 * Decodes a Windows bitmap. Ours because bmp-ts stops after one row at 4 bits and odd widths, mixes up the channels
 * of run-length data and ignores where the header says that the pixels start.
 */
export function decodeBmp(source: Buffer, header: BmpHeader): Bitmap {
  const data = Buffer.alloc(header.width * header.height * 4)
  const { compression } = header
  if (compression === BMP_COMPRESSION.rle8 || compression === BMP_COMPRESSION.rle4) {
    decodeRuns(source, header, data)
  } else {
    decodeRows(source, header, data)
  }
  return { width: header.width, height: header.height, data }
}

function decodeRows(source: Buffer, header: BmpHeader, data: Buffer): void {
  const { width, height, bitsPerPixel, pixels } = header
  const stride = Math.ceil((width * bitsPerPixel) / 32) * 4
  if (pixels + stride * height > source.length) throw corrupt('it ends before its last row')
  const write = pixelWriter(source, header, data)
  for (let row = 0; row < height; row++) {
    const start = pixels + row * stride
    for (let x = 0, to = rowOffset(header, row); x < width; x++, to += 4) write(start, x, to)
  }
  if (header.masks[3] !== 0 && isInvisible(data)) for (let at = 3; at < data.length; at += 4) data[at] = 255
}

/** Some writers declare an alpha channel and leave it zero. */
function isInvisible(data: Buffer): boolean {
  for (let at = 3; at < data.length; at += 4) if (data[at] !== 0) return false
  return true
}

type Write = (rowStart: number, x: number, to: number) => void

function pixelWriter(source: Buffer, header: BmpHeader, data: Buffer): Write {
  const { bitsPerPixel } = header
  if (bitsPerPixel <= 8) {
    const palette = readPalette(source, header)
    const perByte = 8 / bitsPerPixel
    const mask = (1 << bitsPerPixel) - 1
    return (rowStart, x, to) => {
      const packed = source[rowStart + Math.floor(x / perByte)] ?? 0
      const shift = 8 - bitsPerPixel * ((x % perByte) + 1)
      setColour(data, to, palette[(packed >> shift) & mask])
    }
  }
  if (bitsPerPixel === 24) {
    return (rowStart, x, to) => {
      const from = rowStart + x * 3
      data[to] = source[from + 2] ?? 0
      data[to + 1] = source[from + 1] ?? 0
      data[to + 2] = source[from] ?? 0
      data[to + 3] = 255
    }
  }
  const [red, green, blue, alpha] = header.masks.map(maskReader) as [Read, Read, Read, Read]
  const opaque = header.masks[3] === 0
  return (rowStart, x, to) => {
    const pixel =
      bitsPerPixel === 16 ? source.readUInt16LE(rowStart + x * 2) : source.readUInt32LE(rowStart + x * 4)
    data[to] = red(pixel)
    data[to + 1] = green(pixel)
    data[to + 2] = blue(pixel)
    data[to + 3] = opaque ? 255 : alpha(pixel)
  }
}

type Read = (pixel: number) => number

/** Reads one channel of a packed pixel, spread to 0..255. */
function maskReader(mask: number): Read {
  if (mask === 0) return () => 0
  const shift = 31 - Math.clz32(mask & -mask)
  const max = mask >>> shift
  return (pixel) => Math.round((((pixel & mask) >>> shift) * 255) / max)
}

/** Run-length data: pairs of count and colour; a count of zero escapes to line end, image end, a jump or literals. */
function decodeRuns(source: Buffer, header: BmpHeader, data: Buffer): void {
  const palette = readPalette(source, header)
  const nibbles = header.compression === BMP_COMPRESSION.rle4
  const index = (byte: number, i: number) => (nibbles ? (i % 2 ? byte & 15 : byte >> 4) : byte)
  let at = header.pixels
  let x = 0
  let row = 0
  const put = (colour: number) => {
    if (x < header.width) setColour(data, rowOffset(header, row) + x++ * 4, palette[colour])
  }
  while (row < header.height) {
    const count = source[at++]
    const value = source[at++]
    if (count === undefined || value === undefined) throw corrupt('it ends before its last row')
    if (count > 0) {
      for (let i = 0; i < count; i++) put(index(value, i))
    } else if (value === 0) {
      row++
      x = 0
    } else if (value === 1) {
      return
    } else if (value === 2) {
      x += source[at++] ?? 0
      row += source[at++] ?? 0
    } else {
      for (let i = 0; i < value; i++) put(index(source[at + (nibbles ? i >> 1 : i)] ?? 0, i))
      const bytes = nibbles ? Math.ceil(value / 2) : value
      at += bytes + (bytes % 2)
    }
  }
}

/** Where a stored row goes: rows are stored from the bottom up unless the height is negative. */
const rowOffset = ({ width, height, topDown }: BmpHeader, row: number) =>
  (topDown ? row : height - 1 - row) * width * 4

function readPalette(source: Buffer, { palette: { start, entries, entryBytes } }: BmpHeader): Colour[] {
  return Array.from({ length: entries }, (_, entry): Colour => {
    const at = start + entry * entryBytes
    return [source[at + 2] ?? 0, source[at + 1] ?? 0, source[at] ?? 0]
  })
}

const BLACK: Colour = [0, 0, 0]

function setColour(data: Buffer, to: number, colour: Colour = BLACK): void {
  data[to] = colour[0]
  data[to + 1] = colour[1]
  data[to + 2] = colour[2]
  data[to + 3] = 255
}
