import { corrupt } from '../errors.ts'
import type { CheckSize, Header, Range } from './header.ts'

/** The first frame of a GIF, the only one that is decoded; `x`, `y` and sides in px, it may reach beyond the screen. */
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

/** The format allows 2 to 8; this is the last that leaves a code of 12 bits to end with, and the last that libnsgif reads. */
const MAX_CODE_SIZE = 11

/**
 * Reads a GIF up to the data of its first frame. The frame's sides are checked as well as the screen's: a decoder allocates
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
  checkSize(frame.width, frame.height)
  const flags = source.readUInt8(at + 9)
  const own = paletteBytes(flags)
  const data = at + 10 + own
  const codeSize = source[data]
  if (codeSize === undefined) throw corrupt('it ends before its pixels')
  if (codeSize > MAX_CODE_SIZE) throw corrupt('a GIF code size out of range')
  const palette =
    own > 0 ? { start: at + 10, end: data } : { start: 13, end: 13 + paletteBytes(source.readUInt8(10)) }
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
