import type { Bitmap } from '../bitmap.ts'
import { corrupt } from '../errors.ts'
import type { GifFrame, GifHeader } from '../headers/gif.ts'
import type { Size } from '../operations.ts'
import { shrinkRows } from '../shrink.ts'
import { decompress } from './lzw.ts'

/** Rows that an interlaced frame sends in one pass: every `step`th from `first`. */
const PASSES = [
  { first: 0, step: 8 },
  { first: 4, step: 8 },
  { first: 2, step: 4 },
  { first: 1, step: 2 },
] as const

/**
 * Decodes the part of a GIF's first frame that lies on the screen, no larger than `target` needs. Ours because omggif
 * follows codes that do not exist yet, in circles and for ever. Pixels that are missing are transparent, as in browsers;
 * where the data are damaged or cut off, half of them must be there.
 */
export function decodeGif(source: Buffer, header: GifHeader, target: Size | undefined): Bitmap {
  const { width, height, frame } = header
  const { indices, written, ended } = decompress(
    source,
    frame.data,
    frame.codeSize,
    frame.width * frame.height,
  )
  if (!ended && 2 * written < indices.length) throw corrupt('more than half of it is missing or damaged')
  const colours = readColours(source, frame)
  const linesThere = Math.floor(written / frame.width)
  const wide = Math.min(frame.width, width - frame.x)
  return shrinkRows(header, target, (push) => {
    const row = new Uint32Array(width)
    const bytes = new Uint8Array(row.buffer)
    for (let y = 0; y < height; y++) {
      row.fill(0)
      const inFrame = y - frame.y
      if (inFrame >= 0 && inFrame < frame.height) {
        const from = lineOf(frame, inFrame, linesThere) * frame.width
        const end = Math.min(wide, written - from)
        for (let x = 0; x < end; x++) row[frame.x + x] = colours[indices[from + x] as number] as number
      }
      push(bytes)
    }
  })
}

/** Which of the lines sent a row of the frame shows: of an interlaced frame without its last ones, that of a row above. */
function lineOf({ height, interlaced }: GifFrame, row: number, linesThere: number): number {
  if (!interlaced) return row
  const sent = interlacedLine(height, row)
  if (sent < linesThere) return sent
  const above = [row & ~1, row & ~3, row & ~7].map((other) => interlacedLine(height, other))
  return above.find((line) => line < linesThere) ?? sent
}

/** How many lines an interlaced frame sends before a row. */
function interlacedLine(height: number, row: number): number {
  let before = 0
  for (const { first, step } of PASSES) {
    if (row % step === first) return before + (row - first) / step
    before += Math.max(0, Math.ceil((height - first) / step))
  }
  return before
}

/** The colours as RGBA in 32 bits: 0 where nothing is shown, black where the palette has none. */
function readColours(source: Buffer, { palette, transparent }: GifFrame): Uint32Array {
  const colours = new Uint32Array(256).fill(0xff000000)
  for (let i = 0; palette.start + 3 * i < palette.end; i++)
    colours[i] = 0xff000000 | source.readUIntLE(palette.start + 3 * i, 3)
  if (transparent !== undefined) colours[transparent] = 0
  return colours
}
