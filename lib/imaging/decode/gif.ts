import type { Bitmap } from '../bitmap.ts'
import { corrupt } from '../errors.ts'
import type { GifFrame, GifHeader } from '../headers/gif.ts'

const MAX_CODES = 4096

/**
 * Decodes the first frame of a GIF onto a transparent canvas. Ours because omggif follows codes that do not exist
 * yet, in circles and for ever. A frame with too few pixels stays transparent where they end, as in browsers.
 */
export function decodeGif(source: Buffer, { width, height, frame }: GifHeader): Bitmap {
  const data = Buffer.alloc(width * height * 4)
  const indices = decompress(readBlocks(source, frame.data), frame)
  const palette = source.subarray(frame.palette.start, frame.palette.end)
  const rows = rowOrder(frame)
  for (const [line, row] of rows.entries()) {
    for (let x = 0; x < frame.width; x++) {
      const at = line * frame.width + x
      if (at >= indices.length) return { width, height, data }
      const index = indices[at] ?? 0
      if (index === frame.transparent) continue
      const to = ((frame.y + row) * width + frame.x + x) * 4
      for (let channel = 0; channel < 3; channel++) data[to + channel] = palette[index * 3 + channel] ?? 0
      data[to + 3] = 255
    }
  }
  return { width, height, data }
}

/** Interlaced frames send every 8th row, then every 8th from the 4th, every 4th from the 2nd, every 2nd from the 1st. */
function rowOrder({ height, interlaced }: GifFrame): number[] {
  const passes = interlaced
    ? [
        [0, 8],
        [4, 8],
        [2, 4],
        [1, 2],
      ]
    : [[0, 1]]
  const rows: number[] = []
  for (const [first = 0, step = 1] of passes) for (let row = first; row < height; row += step) rows.push(row)
  return rows
}

/** The data blocks of a frame in one piece; the header reader has seen that they end. */
function readBlocks(source: Buffer, start: number): Buffer {
  const blocks: Buffer[] = []
  for (let at = start; ; ) {
    const length = source[at] ?? 0
    if (length === 0) return Buffer.concat(blocks)
    blocks.push(source.subarray(at + 1, at + 1 + length))
    at += length + 1
  }
}

/**
 * Undoes the variable-length LZW of GIF89a, appendix F: one colour index per pixel, at most as many as the frame has.
 * A code stands for the string of an earlier one (`prefixes`) and one index more (`suffixes`).
 */
function decompress(data: Buffer, { width, height, codeSize }: GifFrame): Uint8Array {
  const clear = 1 << codeSize
  const end = clear + 1
  const prefixes = new Uint16Array(MAX_CODES)
  const suffixes = new Uint8Array(MAX_CODES).map((_, code) => (code < clear ? code : 0))
  const lengths = new Uint16Array(MAX_CODES).fill(1, 0, clear)
  const out = new Uint8Array(width * height)
  let [used, bits, previous, written] = [end + 1, codeSize + 1, clear, 0]
  let [window, windowBits] = [0, 0]
  for (const byte of data) {
    window |= byte << windowBits
    windowBits += 8
    while (windowBits >= bits) {
      const code = window & ((1 << bits) - 1)
      window >>>= bits
      windowBits -= bits
      if (code === end || written === out.length) return out.subarray(0, written)
      if (code === clear) [used, bits, previous] = [end + 1, codeSize + 1, clear]
      else take(code)
    }
  }
  return out.subarray(0, written)

  function take(code: number): void {
    const isFirst = previous === clear
    if (code > used || (code === used && used === MAX_CODES) || (isFirst && code > clear))
      throw corrupt('a GIF code that does not exist')
    if (!isFirst && used < MAX_CODES) {
      prefixes[used] = previous
      lengths[used] = (lengths[previous] ?? 0) + 1
      suffixes[used] = firstOf(code === used ? previous : code)
      used++
      if (used >= 1 << bits && bits < 12) bits++
    }
    written = write(code)
    previous = code
  }

  /** The first index of a code's string. */
  function firstOf(code: number): number {
    let first = code
    while (first >= clear) first = prefixes[first] ?? 0
    return first
  }

  /** Writes a code's string, which is known from its last index to its first; returns where the next begins. */
  function write(code: number): number {
    const next = written + (lengths[code] ?? 0)
    for (let at = next - 1, rest = code; at >= written; at--, rest = prefixes[rest] ?? 0)
      if (at < out.length) out[at] = suffixes[rest] ?? 0
    return Math.min(next, out.length)
  }
}
