import { corrupt } from '../errors.ts'
import type { CheckSize, Header, Range } from './header.ts'

/** The first frame of a GIF, the only one that is decoded; `x`, `y` and sides in px on the screen. */
export type GifFrame = {
  x: number
  y: number
  width: number
  height: number
  interlaced: boolean
  /** RGB triples: the frame's own colours or else the screen's. */
  palette: Range
  /** Index of the colour that is shown as nothing; undefined where there is none. */
  transparent: number | undefined
  codeSize: number
  /** Offset of the first data block. */
  data: number
}

export type GifHeader = Header & { frame: GifFrame }

const INTERLACED = 0x40

/**
 * Reads a GIF up to the data of its first frame, which must lie within the screen: a decoder allocates
 * what a frame says, and 35 bytes can say 60000x60000 on a screen of 1x1.
 */
export function readGifHeader(source: Buffer, checkSize: CheckSize): GifHeader {
  if (source.length < 13) throw corrupt('no GIF header')
  const width = source.readUInt16LE(6)
  const height = source.readUInt16LE(8)
  checkSize(width, height)
  const { at, transparent } = skipExtensions(source, 13 + paletteBytes(source.readUInt8(10)))
  if (source[at] !== 0x2c || at + 11 > source.length) throw corrupt('no GIF frame')
  const frame = {
    x: source.readUInt16LE(at + 1),
    y: source.readUInt16LE(at + 3),
    width: source.readUInt16LE(at + 5),
    height: source.readUInt16LE(at + 7),
  }
  if (frame.x + frame.width > width || frame.y + frame.height > height)
    throw corrupt('a GIF frame larger than its screen')
  const flags = source.readUInt8(at + 9)
  const own = paletteBytes(flags)
  const data = at + 10 + own
  const codeSize = source[data] ?? 0
  if (codeSize < 1 || codeSize > 8) throw corrupt('a GIF code size out of range')
  const palette =
    own > 0 ? { start: at + 10, end: data } : { start: 13, end: 13 + paletteBytes(source.readUInt8(10)) }
  skipBlocks(source, data + 1)
  const interlaced = (flags & INTERLACED) !== 0
  return {
    width,
    height,
    orientation: 1,
    frame: { ...frame, interlaced, palette, transparent, codeSize, data: data + 1 },
  }
}

const paletteBytes = (flags: number) => (flags & 0x80 ? 3 << ((flags & 7) + 1) : 0)

/** Skips what precedes a frame, noting the transparent colour of a Graphic Control Extension (GIF89a, 23). */
function skipExtensions(source: Buffer, start: number) {
  let at = start
  let transparent: number | undefined
  while (source[at] === 0x21) {
    const isControl = source[at + 1] === 0xf9 && source[at + 2] === 4
    if (isControl) transparent = (source[at + 3] ?? 0) & 1 ? source[at + 6] : undefined
    at = skipBlocks(source, at + 2)
  }
  return { at, transparent }
}

/** Skips data blocks, each led by its length, up to the empty one that ends them. */
function skipBlocks(source: Buffer, start: number): number {
  for (let at = start; at < source.length; ) {
    const length = source.readUInt8(at)
    at += length + 1
    if (length === 0) return at
  }
  throw corrupt('it ends within a GIF block')
}
