import { corrupt } from '../errors.ts'
import { withOrientation } from '../orientation.ts'
import type { CheckSize, EmbeddedProfile, Header, Range } from './header.ts'
import { readIccpChunk } from './icc.ts'

/** `end` is where the file proper ends, undefined when it was cut off; `bitsPerPixel` as stored. */
export type PngHeader = Header & { interlaced: boolean; bitsPerPixel: number; end: number | undefined }

const SAMPLES: Record<number, number> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 }

/** Reads a PNG's IHDR, and walks its chunks for an orientation and a profile. */
export function readPngHeader(source: Buffer, checkSize: CheckSize): PngHeader {
  if (source.length < 33 || source.toString('latin1', 12, 16) !== 'IHDR') throw corrupt('no PNG header')
  const width = source.readUInt32BE(16)
  const height = source.readUInt32BE(20)
  checkSize(width, height)
  const colourType = source.readUInt8(25)
  const samples = SAMPLES[colourType]
  const hasColours = (colourType & 2) !== 0
  if (!samples) throw corrupt('an unknown PNG colour type')
  const header = { width, height, interlaced: source[28] === 1, bitsPerPixel: source.readUInt8(24) * samples }
  let exif: Range | undefined
  let icc: EmbeddedProfile | undefined
  for (const { type, start, end } of pngChunks(source)) {
    if (type === 'eXIf') exif ??= { start, end }
    if (type === 'iCCP' && hasColours) icc ??= readIccpChunk(source, { start, end })
    if (type === 'IEND') return { ...header, ...withOrientation(source, exif), icc, end: end + 4 }
  }
  return { ...header, ...withOrientation(source, exif), icc, end: undefined }
}

/** The chunks that are there in full; `start` and `end` bound the content, a checksum of 4 bytes follows. */
export function* pngChunks(source: Buffer): Generator<Range & { type: string }> {
  for (let at = 8; at + 12 <= source.length; ) {
    const start = at + 8
    const end = start + source.readUInt32BE(at)
    if (end + 4 > source.length) return
    yield { type: source.toString('latin1', at + 4, start), start, end }
    at = end + 4
  }
}
