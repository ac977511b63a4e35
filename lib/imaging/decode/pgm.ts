import type { Bitmap } from '../bitmap.ts'
import { corrupt } from '../errors.ts'
import type { PgmHeader } from '../headers/pgm.ts'
import type { Size } from '../operations.ts'
import { shrinkRows } from '../shrink.ts'

const OPAQUE_BLACK = 0xff000000
const GREY = 0x010101

/** Fills a row with the greys of the next samples; false where they are not all there. */
type ReadRow = (row: Uint32Array) => boolean

/**
 * Decodes a portable graymap, no larger than `target` needs. Samples above white are white. Rows that are cut off are transparent; half of
 * them must be there.
 */
export function decodePgm(source: Buffer, header: PgmHeader, target: Size | undefined): Bitmap {
  const { width, height, isPlain, maxval, pixels } = header
  // A plain sample has a digit and a blank.
  const leastBytes = width * (isPlain || maxval > 255 ? 2 : 1)
  const most = Math.floor((source.length - pixels + (isPlain ? 1 : 0)) / leastBytes)
  if (2 * most < height) throw cutShort()
  const greys = Uint32Array.from(
    { length: maxval + 1 },
    (_, value) => OPAQUE_BLACK | (Math.round((value * 255) / maxval) * GREY),
  )
  const readRow = isPlain ? plainRows(source, pixels, greys) : rawRows(source, pixels, greys)
  return shrinkRows(header, target, (push) => {
    const row = new Uint32Array(width)
    const bytes = new Uint8Array(row.buffer)
    let there = 0
    while (there < height && readRow(row)) {
      push(bytes)
      there++
    }
    if (2 * there < height) throw cutShort()
    row.fill(0)
    for (let y = there; y < height; y++) push(bytes)
  })
}

const cutShort = () => corrupt('more than half of it is missing')

function rawRows(source: Buffer, start: number, greys: Uint32Array): ReadRow {
  const white = greys.length - 1
  const bytes = white > 255 ? 2 : 1
  let at = start
  return (row) => {
    if (at + row.length * bytes > source.length) return false
    for (let x = 0; x < row.length; x++, at += bytes) {
      const high = source[at] as number
      const value = bytes === 1 ? high : (high << 8) | (source[at + 1] as number)
      row[x] = greys[Math.min(value, white)] as number
    }
    return true
  }
}

const [ZERO, NINE, HASH, LINE_FEED, RETURN] = [0x30, 0x39, 0x23, 0x0a, 0x0d]
const isBlank = (byte: number) => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)

function plainRows(source: Buffer, start: number, greys: Uint32Array): ReadRow {
  const white = greys.length - 1
  let at = start
  const skipBlanks = () => {
    for (; at < source.length; at++) {
      const byte = source[at] as number
      if (byte === HASH) while (at < source.length && source[at] !== LINE_FEED && source[at] !== RETURN) at++
      else if (!isBlank(byte)) return
    }
  }
  const readSample = (): number | undefined => {
    skipBlanks()
    if (at >= source.length) return undefined
    const first = at
    let value = 0
    for (; at < source.length; at++) {
      const byte = source[at] as number
      if (byte < ZERO || byte > NINE) break
      value = Math.min(value * 10 + byte - ZERO, white)
    }
    if (at === first) throw corrupt('a sample that is no number')
    return value
  }
  return (row) => {
    for (let x = 0; x < row.length; x++) {
      const value = readSample()
      if (value === undefined) return false
      row[x] = greys[value] as number
    }
    return true
  }
}
