import { allocate, allocateCleared } from '../core/memory'
import { unpremultipliedMean } from '../resize/means'
import { toRgba } from '../resize/pixels'
import { nextRow, openPass } from './rows'
import { channels, toChannels } from './samples'

/** The seven passes of Adam7 (PNG, 8.2): first column and row, and the steps from one column and row to the next. */
const PASSES: u32 = 7
const FIRST_COLUMNS = memory.data<u8>([0, 4, 0, 2, 0, 1, 0])
const FIRST_ROWS = memory.data<u8>([0, 0, 4, 0, 2, 0, 1])
const COLUMN_STEPS = memory.data<u8>([8, 8, 4, 4, 2, 2, 1])
const ROW_STEPS = memory.data<u8>([8, 8, 8, 4, 4, 2, 2])

/** The two last passes: every second column of even rows, and the odd rows. */
const COLUMNS_PASS: u32 = 5
const ROWS_PASS: u32 = 6

let width: u32 = 0
let height: u32 = 0
let side: u32 = 0
let boxesAcross: u32 = 0

/**
 * The picture as RGBA where every pixel is needed; else for each box 4 x 32 bits, sums of red, green and blue times alpha,
 * and of alpha times 255, from which the picture is made in place.
 */
let output: usize = 0
let line: usize = 0

/** Rows of the two last passes that are missing begin here. */
let columnsMissingFrom: u32 = 0
let rowsMissingFrom: u32 = 0

/**
 * Begins an interlaced picture, to be made of the means of boxes of `boxSide` x `boxSide` pixels, 1 to 256; returns where it
 * will be, 0 when there is no memory. `rest` is what pixels are that never come.
 */
export function openInterlaced(wide: u32, high: u32, boxSide: u32, rest: u32): usize {
  width = wide
  height = high
  side = boxSide
  boxesAcross = (wide + side - 1) / side
  const boxes = <u64>boxesAcross * ((high + side - 1) / side)
  const bytes = boxes * (side == 1 ? 4 : 16)
  if (bytes > 0x7fffffff) return 0
  output = side == 1 ? allocate(<usize>bytes) : allocateCleared(<usize>bytes)
  line = allocate(4 * <usize>wide + 64)
  if (!output || !line) return 0
  if (side == 1) for (let at = output; at < output + <usize>bytes; at += 4) store<u32>(at, rest)
  columnsMissingFrom = high
  rowsMissingFrom = high
  return output
}

/** Reads all passes; returns how many pixels there were. */
export function readPasses(bitsOfPixel: u32): u64 {
  let pixels: u64 = 0
  for (let pass: u32 = 0; pass < PASSES; pass++) {
    const firstColumn = load<u8>(FIRST_COLUMNS + pass)
    const columnStep = load<u8>(COLUMN_STEPS + pass)
    const rowStep = load<u8>(ROW_STEPS + pass)
    const columns = firstColumn < width ? (width - firstColumn + columnStep - 1) / columnStep : 0
    if (!columns) continue
    let y: u32 = load<u8>(FIRST_ROWS + pass)
    if (y >= height) continue
    openPass(
      (<usize>columns * bitsOfPixel + 7) >> 3,
      max(1, bitsOfPixel >> 3),
      (height - y + rowStep - 1) / rowStep,
    )
    for (; y < height; y += rowStep) {
      const row = nextRow()
      if (!row) {
        markMissing(pass, y)
        return pixels
      }
      toRgba(toChannels(row, columns), channels, columns, line)
      if (side == 1) placePixels(columns, firstColumn, columnStep, y)
      else addPixels(columns, firstColumn, columnStep, y)
      pixels += columns
    }
  }
  return pixels
}

/** Notes that there is nothing from row `y` of a pass on. */
function markMissing(pass: u32, y: u32): void {
  if (pass <= COLUMNS_PASS) columnsMissingFrom = pass == COLUMNS_PASS ? y : 0
  rowsMissingFrom = pass == ROWS_PASS ? y : 0
}

function placePixels(columns: u32, first: u32, columnStep: u32, y: u32): void {
  let to = output + ((<usize>y * width + first) << 2)
  let from = line
  for (const end = line + ((<usize>columns) << 2); from < end; from += 4, to += (<usize>columnStep) << 2)
    store<u32>(to, load<u32>(from))
}

/** Adds pixels to the sums of their boxes. */
function addPixels(columns: u32, first: u32, columnStep: u32, y: u32): void {
  let box = output + ((<usize>(y / side) * boxesAcross) << 4)
  const opaque = i8x16.splat(-1)
  let from = line
  let boxEnd = side
  let sum = v128.load(box)
  let x = first
  for (const end = line + ((<usize>columns) << 2); from < end; from += 4, x += columnStep) {
    if (x >= boxEnd) {
      v128.store(box, sum)
      const boxes = x / side - boxEnd / side + 1
      boxEnd += boxes * side
      box += (<usize>boxes) << 4
      sum = v128.load(box)
    }
    const pixel = v128.load32_zero(from)
    const alphas = v128.shuffle<u8>(pixel, opaque, 3, 3, 3, 16, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4)
    sum = i32x4.add(sum, i32x4.extend_low_i16x8_u(i16x8.extmul_low_i8x16_u(pixel, alphas)))
  }
  v128.store(box, sum)
}

/**
 * Ends the picture. Where rows of the two last passes are missing, pixels stand for their missing neighbours, as in browsers:
 * those on the left, and those above.
 */
export function finishInterlaced(rest: u32): void {
  if (side == 1) spreadPixels()
  else writeMeans(rest)
}

function spreadPixels(): void {
  const rowBytes = (<usize>width) << 2
  for (let y = columnsMissingFrom; y < height; y += 2) {
    const row = output + y * rowBytes
    for (let at = row + 4; at < row + rowBytes; at += 8) store<u32>(at, load<u32>(at - 4))
  }
  for (let y = rowsMissingFrom | 1; y < height; y += 2) {
    const row = output + y * rowBytes
    memory.copy(row, row - rowBytes, rowBytes)
  }
}

function writeMeans(rest: u32): void {
  let to = output
  let box = output
  for (let top: u32 = 0; top < height; top += side) {
    const bottom = min(top + side, height)
    for (let left: u32 = 0; left < width; left += side, to += 4, box += 16) {
      const right = min(left + side, width)
      const pixels = (bottom - top) * (right - left) - missing(top, bottom, left, right)
      store<u32>(to, pixels ? unpremultipliedMean(v128.load(box), pixels) : rest)
    }
  }
}

/** How many pixels of a box are missing. */
function missing(top: u32, bottom: u32, left: u32, right: u32): u32 {
  const oddRows = (bottom >> 1) - (max(min(rowsMissingFrom, bottom), top) >> 1)
  const evenRows = ((bottom + 1) >> 1) - ((max(min(columnsMissingFrom, bottom), top) + 1) >> 1)
  return oddRows * (right - left) + evenRows * ((right >> 1) - (left >> 1))
}
