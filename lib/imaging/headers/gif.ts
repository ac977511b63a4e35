import { corrupt } from '../errors.ts'
import type { CheckSize, Header } from './header.ts'

/** `firstFrameEnd` is the offset after the first frame, the only one that is decoded. */
export type GifHeader = Header & { firstFrameEnd: number }

/**
 * Reads a GIF up to the end of its first frame, which must lie within the screen: a decoder allocates
 * what a frame says, and 35 bytes can say 60000x60000 on a screen of 1x1.
 */
export function readGifHeader(source: Buffer, checkSize: CheckSize): GifHeader {
  if (source.length < 13) throw corrupt('no GIF header')
  const width = source.readUInt16LE(6)
  const height = source.readUInt16LE(8)
  checkSize(width, height)
  let at = 13 + paletteBytes(source.readUInt8(10))
  while (source[at] === 0x21) at = skipBlocks(source, at + 2)
  if (source[at] !== 0x2c || at + 11 > source.length) throw corrupt('no GIF frame')
  const right = source.readUInt16LE(at + 1) + source.readUInt16LE(at + 5)
  const bottom = source.readUInt16LE(at + 3) + source.readUInt16LE(at + 7)
  if (right > width || bottom > height) throw corrupt('a GIF frame larger than its screen')
  const data = at + 10 + paletteBytes(source.readUInt8(at + 9))
  const codeSize = source[data] ?? 0
  if (codeSize < 1 || codeSize > 8) throw corrupt('a GIF code size out of range')
  return { width, height, orientation: 1, firstFrameEnd: skipBlocks(source, data + 1) }
}

const paletteBytes = (flags: number) => (flags & 0x80 ? 3 << ((flags & 7) + 1) : 0)

/** Skips data blocks, each led by its length, up to the empty one that ends them. */
function skipBlocks(source: Buffer, start: number): number {
  for (let at = start; at < source.length; ) {
    const length = source.readUInt8(at)
    at += length + 1
    if (length === 0) return at
  }
  throw corrupt('it ends within a GIF block')
}
