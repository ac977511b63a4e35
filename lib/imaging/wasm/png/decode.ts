import { addRow, finishShrink, openShrink } from '../resize/shrink'
import { openBlocks } from './block'
import { finishInterlaced, openInterlaced, readPasses } from './interlace'
import { nextRow, openPass, openRows } from './rows'
import { bitsPerPixel, channels, openSamples, toChannels } from './samples'
import { openStream } from './stream'
import { openTables } from './tables'

/** What a decode ends with; `lib/imaging/decode/png.ts` says it in words. */
namespace Status {
  export const OK = 0
  export const OUT_OF_MEMORY = 1
  export const INCOMPLETE = 2
}

let output: usize = 0

/**
 * Decodes a PNG whose IDAT chunks are `length` bytes at `data`, with room for `PADDING` of `stream.ts` behind them, and makes
 * means of boxes of `side` x `side` pixels (1 to 256). `table` is as in `samples.ts`; `rest` is the pixel that stands for missing ones.
 * Returns a `Status`; then the picture is at `pngOutput()`: RGBA, row by row.
 */
export function decodePng(
  data: usize,
  length: usize,
  width: u32,
  height: u32,
  depth: u32,
  colourType: u32,
  interlaced: bool,
  table: usize,
  side: u32,
  rest: u32,
): i32 {
  const bits = bitsPerPixel(colourType, depth)
  const rowBits = <u64>width * bits
  if (rowBits > 1 << 30 || !side || side > 256) return Status.OUT_OF_MEMORY
  const rowBytes = (<usize>rowBits + 7) >> 3
  openStream(data, length)
  openBlocks()
  if (!openTables() || !openRows(rowBytes) || !openSamples(width, colourType, depth, table))
    return Status.OUT_OF_MEMORY
  if (interlaced) output = openInterlaced(width, height, side, rest)
  else output = openShrink(width, height, channels, side)
  if (!output) return Status.OUT_OF_MEMORY
  let pixels: u64
  if (interlaced) {
    pixels = readPasses(bits)
    finishInterlaced(rest)
  } else {
    openPass(rowBytes, max(1, bits >> 3), height)
    pixels = readRows(width)
    finishShrink(rest)
  }
  return pixels * 2 < <u64>width * height ? Status.INCOMPLETE : Status.OK
}

/** Reads all rows; returns how many pixels there were. */
function readRows(width: u32): u64 {
  let pixels: u64 = 0
  for (let row = nextRow(); row; row = nextRow()) {
    addRow(toChannels(row, width))
    pixels += width
  }
  return pixels
}

/** Where the pixels of the last `decodePng` are. */
export function pngOutput(): usize {
  return output
}
