import { crc32 } from 'node:zlib'
import { corrupt } from '../errors.ts'
import { withOrientation } from '../orientation.ts'
import type { CheckSize, Header, Range } from './header.ts'
import { readIccpChunk } from './icc.ts'

/** Colour types of PNG (11.2.1). */
export const PNG_COLOUR = { grey: 0, rgb: 2, indexed: 3, greyAlpha: 4, rgba: 6 } as const

/**
 * What a PNG says before its pixels. `depth` is bits a sample; `palette` and `transparency` are the contents of PLTE (of
 * indexed colour) and tRNS; `data` has the first run of IDAT chunks, or what is there of it.
 */
export type PngHeader = Header & {
  depth: number
  colourType: number
  interlaced: boolean
  palette?: Range
  transparency?: Range
  data: Range
}

type Found = Pick<PngHeader, 'exif' | 'icc' | 'palette' | 'transparency'>

type Chunk = Range & { type: number; isWhole: boolean }

/** Bits a sample that each colour type may have. */
const DEPTHS: Record<number, readonly number[]> = {
  [PNG_COLOUR.grey]: [1, 2, 4, 8, 16],
  [PNG_COLOUR.rgb]: [8, 16],
  [PNG_COLOUR.indexed]: [1, 2, 4, 8],
  [PNG_COLOUR.greyAlpha]: [8, 16],
  [PNG_COLOUR.rgba]: [8, 16],
}

/** A chunk's type as a number. */
const typeOf = (name: string) => Buffer.from(name, 'latin1').readUInt32BE(0)

const IHDR = typeOf('IHDR')
const PLTE = typeOf('PLTE')
const TRNS = typeOf('tRNS')
const EXIF = typeOf('eXIf')
const ICCP = typeOf('iCCP')
const IDAT = typeOf('IDAT')
const IEND = typeOf('IEND')

/** Set in the types of chunks that a decoder may pass over. */
const ANCILLARY = 0x20000000

/** Reads all chunks of a PNG but its pixels; what breaks the rules is refused or passed over as libpng does it. */
export function readPngHeader(source: Buffer, checkSize: CheckSize): PngHeader {
  const base = readImageHeader(source, checkSize)
  const found: Found & { data?: Range } = {}
  let previous = IHDR
  for (const chunk of pngChunks(source, 33)) {
    const { type, start, end } = chunk
    if (type === IEND) break
    if (type === IDAT) {
      if (!found.data) found.data = { start: start - 8, end }
      else if (previous === IDAT) found.data.end = end
    } else if (type === EXIF && isIntact(source, chunk)) found.exif ??= { start, end }
    else if (!found.data) readBeforeData(source, chunk, base, found)
    previous = type
  }
  const { data, exif, ...colours } = found
  if (!data) throw corrupt('it ends before its pixels')
  if (base.colourType === PNG_COLOUR.indexed && !colours.palette) throw corrupt('it has no palette')
  return { ...base, ...withOrientation(source, exif), ...colours, data }
}

function readImageHeader(source: Buffer, checkSize: CheckSize) {
  const first = source.length < 33 ? undefined : pngChunks(source, 8).next().value
  if (first?.type !== IHDR || first.end !== 29) throw corrupt('no PNG header')
  const [width, height] = [source.readUInt32BE(16), source.readUInt32BE(20)]
  checkSize(width, height)
  if (!isIntact(source, first)) throw corrupt('the checksum of its header is wrong')
  const [depth = 0, colourType = 0, compression, filters, interlace = 0] = source.subarray(24, 29)
  if (!DEPTHS[colourType]?.includes(depth)) throw corrupt('an unknown PNG colour type')
  if (compression !== 0 || filters !== 0 || interlace > 1) throw corrupt('an unknown PNG method')
  return { width, height, depth, colourType, interlaced: interlace === 1 }
}

/** Takes over PLTE, tRNS and iCCP, and refuses other critical chunks. */
function readBeforeData(
  source: Buffer,
  chunk: Chunk,
  { colourType }: Pick<PngHeader, 'colourType'>,
  found: Found,
): void {
  const { type, start, end } = chunk
  const length = end - start
  if (type === PLTE) {
    if (colourType !== PNG_COLOUR.indexed) return
    if (found.palette) throw corrupt('it has two palettes')
    if (length === 0 || length > 768 || length % 3 !== 0 || !isIntact(source, chunk))
      throw corrupt('a damaged palette')
    found.palette = { start, end }
  } else if (type === TRNS) {
    const palette = found.palette ?? { start: 0, end: 0 }
    const fits =
      colourType === PNG_COLOUR.indexed
        ? length > 0 && length <= (palette.end - palette.start) / 3
        : length === { [PNG_COLOUR.grey]: 2, [PNG_COLOUR.rgb]: 6 }[colourType]
    if (fits && isIntact(source, chunk)) found.transparency ??= { start, end }
  } else if (type === ICCP) {
    const hasColours = (colourType & 2) !== 0
    if (hasColours && isIntact(source, chunk)) found.icc ??= readIccpChunk(source, chunk)
  } else if (!(type & ANCILLARY)) throw corrupt('an unknown critical chunk')
}

/** Chunks from `at` on; `start` and `end` bound the content, of the last one what is there. A checksum follows whole ones. */
export function* pngChunks(source: Buffer, at: number): Generator<Chunk, undefined> {
  while (at + 8 <= source.length) {
    const start = at + 8
    const end = start + source.readUInt32BE(at)
    const isWhole = end + 4 <= source.length
    yield { type: source.readUInt32BE(at + 4), start, end: Math.min(end, source.length), isWhole }
    at = end + 4
  }
}

/** Whether a chunk is there in full and has the checksum that it should have. */
export const isIntact = (source: Buffer, { start, end, isWhole }: Chunk) =>
  isWhole && crc32(source.subarray(start - 4, end)) === source.readUInt32BE(end)
