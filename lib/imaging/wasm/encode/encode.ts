import { allocate, extend } from '../core/memory'
import { BLOCK_BYTES, encodeBlock, encodeNothing, openTokens, tokensEnd } from './blocks'
import { flatten, toChrominance, toLuminance, toSharedChrominance } from './colour'
import { writeFile } from './file'
import { setQuality } from './quantisers'

/** At this quality and above colours keep their full resolution; below, 2x2 pixels share one. */
const FULL_COLOUR_QUALITY = 90

let width = 0
let height = 0
/** 2 where 2x2 pixels share a colour, else 1. */
let step = 1
/** Units of one or two blocks a side in a row. */
let units = 0
let strip: usize = 0
let luminance: usize = 0
let cb: usize = 0
let cr: usize = 0
let tokens: usize = 0

/** The rows of pixels that `encodeRows` takes at a time. */
export function rowsAtOnce(): i32 {
  return 8 * step
}

/** Begins an image and returns where its RGBA rows are to be put, `rowsAtOnce` at a time; 0 when there is no such memory. */
export function openEncoder(imageWidth: i32, imageHeight: i32, quality: i32): usize {
  width = imageWidth
  height = imageHeight
  step = quality >= FULL_COLOUR_QUALITY ? 1 : 2
  units = (width + 8 * step - 1) / (8 * step)
  setQuality(quality)
  const pixels = <usize>(units * 64 * step * step)
  strip = allocate(pixels * 4)
  luminance = allocate(pixels * 2)
  cb = allocate(pixels * 2)
  cr = allocate(pixels * 2)
  tokens = allocate(0)
  openTokens(tokens)
  return luminance == 0 || cb == 0 || cr == 0 || tokens == 0 ? 0 : strip
}

/** Takes so many rows, fewer than `rowsAtOnce` only at the end of the image. False when there is no memory left. */
export function encodeRows(rows: i32): bool {
  if (!extend(tokensEnd + <usize>(units * (step * step + 2)) * BLOCK_BYTES)) return false
  flatten(strip, width * rows)
  pad(rows)
  convert()
  const across = (<usize>(units * step)) << 4
  for (let unit = 0; unit < units; unit++) {
    for (let y: usize = 0; y < <usize>step; y++) {
      const row = luminance + (y << 3) * across
      for (let column = unit * step; column < (unit + 1) * step; column++) {
        if (column << 3 < width && <i32>(y << 3) < rows) encodeBlock(row + ((<usize>column) << 4), across, 0)
        else encodeNothing()
      }
    }
    const at = (<usize>unit) << 4
    encodeBlock(cb + at, (<usize>units) << 4, 1)
    encodeBlock(cr + at, (<usize>units) << 4, 2)
  }
  return extend(tokensEnd)
}

/** Ends the image and returns where its file lies, 0 when there is no memory left. */
export function finishImage(): usize {
  return writeFile(width, height, step, tokens, tokensEnd)
}

/** Lays the rows of the strip out in whole units: the picture's last pixels go on beyond its edges. */
function pad(rows: i32): void {
  const stride = (<usize>(units * step)) << 5
  const length = (<usize>width) << 2
  if (stride > length) {
    for (let row = rows - 1; row >= 0; row--) {
      const to = strip + <usize>row * stride
      memory.copy(to, strip + <usize>row * length, length)
      const last = load<u32>(to + length - 4)
      for (let at = to + length; at < to + stride; at += 4) store<u32>(at, last)
    }
  }
  const end = strip + <usize>(8 * step) * stride
  for (let row = strip + <usize>rows * stride; row < end; row += stride)
    memory.copy(row, row - stride, stride)
}

/** The planes of the strip. */
function convert(): void {
  const across = units * step * 8
  const stride = (<usize>across) << 2
  toLuminance(strip, luminance, across * 8 * step)
  for (let row: usize = 0; row < 8; row++) {
    const from = strip + row * step * stride
    const to = (row * units) << 4
    if (step == 1) toChrominance(from, cb + to, cr + to, across)
    else toSharedChrominance(from, from + stride, cb + to, cr + to, across)
  }
}
