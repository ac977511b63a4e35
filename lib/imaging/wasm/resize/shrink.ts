import { allocate, allocateCleared } from '../core/memory'
import { meanOf, reciprocalOf, unpremultipliedMean } from './means'
import { isOpaqueRow, toRgba } from './pixels'

/**
 * Makes a smaller picture whose pixels are the means of boxes of `side` x `side` pixels, from rows that come one after
 * another. A band is a row of boxes. Its opaque rows are added up column by column; a row that is not opaque is premultiplied
 * and added up box by box:
 *
 *     columnSums: 16 bits for each channel of each column of the band's opaque rows
 *     boxSums:    4 x 32 bits for each box: sums of red, green and blue times alpha, and of alpha times 255
 */
let columnSums: usize = 0
let boxSums: usize = 0

/** A side up to which sums fit: 256 * 255 into 16 bits, 256 * 256 * 255 * 255 into 32. */
const MOST_A_SIDE: u32 = 256

/** Vectors of 16 bytes may read, and add to columns, beyond the end of a row. */
const MARGIN: usize = 64

let width: u32 = 0
let channels: u32 = 0
let side: u32 = 0
let boxesAcross: u32 = 0
let rowsLeft: u32 = 0
let rowsInBand: u32 = 0
let bandIsOpaque = true
let next: usize = 0
let end: usize = 0

/** Bytes of a row: its pixels have 1 (grey), 3 (RGB) or 4 (RGBA) channels. */
function rowBytes(): usize {
  return <usize>width * channels
}

/**
 * Begins a picture whose rows have so many channels. Returns where its RGBA pixels will be, row by row, transparent until
 * then; 0 when there is no such memory, or for a side of 0 or more than 256.
 */
export function openShrink(wide: u32, high: u32, rowChannels: u32, boxSide: u32): usize {
  if (!wide || !high || !boxSide || boxSide > MOST_A_SIDE) return 0
  width = wide
  channels = rowChannels
  side = boxSide
  boxesAcross = (wide + side - 1) / side
  rowsLeft = high
  rowsInBand = 0
  bandIsOpaque = true
  const bytes = <u64>boxesAcross * ((high + side - 1) / side) * 4
  // Column sums are the most that is taken for a column: 8 bytes.
  if (bytes > 0x7fffffff || <u64>wide * 16 > 0x7fffffff) return 0
  next = allocateCleared(<usize>bytes + MARGIN)
  end = next + <usize>bytes
  if (!next || side == 1) return next
  columnSums = allocate(2 * (rowBytes() + MARGIN))
  boxSums = allocate(16 * <usize>boxesAcross)
  if (!columnSums || !boxSums) return 0
  clearBand()
  return next
}

function clearBand(): void {
  memory.fill(columnSums, 0, 2 * (rowBytes() + MARGIN))
  memory.fill(boxSums, 0, 16 * <usize>boxesAcross)
}

/** Adds so many rows that lie one after another; those beyond the height are ignored. */
export function addRows(from: usize, count: u32): void {
  for (; count; count--, from += rowBytes()) addRow(from)
}

/** Adds one row, behind which 15 bytes may be read; one beyond the height is ignored. */
export function addRow(row: usize): void {
  if (!rowsLeft) return
  rowsLeft--
  if (side == 1) {
    toRgba(row, channels, width, next)
    next += (<usize>width) << 2
    return
  }
  if (channels == 4 && !isOpaqueRow(row, width)) addTranslucentRow(row)
  else addOpaqueRow(row)
  if (++rowsInBand == side || !rowsLeft) writeBand()
}

/** Ends a picture that may lack rows: makes means of those that the last band has, and fills the rest with one colour. */
export function finishShrink(rest: u32): void {
  if (rowsInBand) writeBand()
  rowsLeft = 0
  for (; next < end; next += 4) store<u32>(next, rest)
}

function addOpaqueRow(row: usize): void {
  let sums = columnSums
  for (const rowEnd = row + rowBytes(); row < rowEnd; row += 16, sums += 32) {
    const bytes = v128.load(row)
    v128.store(sums, i16x8.add(v128.load(sums), i16x8.extend_low_i8x16_u(bytes)))
    v128.store(sums, i16x8.add(v128.load(sums, 16), i16x8.extend_high_i8x16_u(bytes)), 16)
  }
}

function addTranslucentRow(row: usize): void {
  bandIsOpaque = false
  const rowEnd = row + rowBytes()
  const boxBytes = (<usize>side) << 2
  for (let box = boxSums; row < rowEnd; box += 16) {
    const boxEnd = min(row + boxBytes, rowEnd)
    let sum = v128.load(box)
    for (; row + 8 <= boxEnd; row += 8) {
      // Two pixels at a time: `r r g g b b a a` times `alpha alpha ... 255 255`.
      const two = v128.load64_zero(row)
      const values = i16x8.extend_low_i8x16_u(
        v128.shuffle<u8>(two, two, 0, 4, 1, 5, 2, 6, 3, 7, 8, 8, 8, 8, 8, 8, 8, 8),
      )
      const alphas = v128.shuffle<u8>(two, i8x16.splat(-1), 3, 7, 3, 7, 3, 7, 16, 16, 8, 8, 8, 8, 8, 8, 8, 8)
      sum = i32x4.add(sum, i32x4.dot_i16x8_s(values, i16x8.extend_low_i8x16_u(alphas)))
    }
    if (row < boxEnd) {
      const one = v128.load32_zero(row)
      const alphas = v128.shuffle<u8>(one, i8x16.splat(-1), 3, 3, 3, 16, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4)
      sum = i32x4.add(sum, i32x4.extend_low_i16x8_u(i16x8.extmul_low_i8x16_u(one, alphas)))
      row += 4
    }
    v128.store(box, sum)
  }
}

/** Writes the means of a band's boxes; those in the last column, and in the last band, may have fewer pixels. */
function writeBand(): void {
  const fullArea = side * rowsInBand
  const fullReciprocal = reciprocalOf(fullArea)
  let columns = columnSums
  let columnsLeft = width
  const columnBytes = (<usize>channels) << 1
  for (let i: u32 = 0; i < boxesAcross; i++, next += 4) {
    const wide = min(side, columnsLeft)
    columnsLeft -= wide
    let sum = i32x4.splat(0)
    for (const boxEnd = columns + wide * columnBytes; columns < boxEnd; columns += columnBytes)
      sum = i32x4.add(sum, i32x4.extend_low_i16x8_u(v128.load64_zero(columns)))
    const area = wide * rowsInBand
    if (bandIsOpaque) {
      const reciprocal = wide == side ? fullReciprocal : reciprocalOf(area)
      store<u32>(next, opaqueMean(sum, area >> 1, reciprocal))
    } else {
      const weighted = i32x4.mul(sum, i32x4.splat(255))
      const total = i32x4.add(weighted, v128.load(boxSums + ((<usize>i) << 4)))
      store<u32>(next, unpremultipliedMean(total, area))
    }
  }
  rowsInBand = 0
  bandIsOpaque = true
  clearBand()
}

/** Means of the sums of an opaque box as one RGBA pixel. */
function opaqueMean(sum: v128, half: u32, reciprocal: u64): u32 {
  const red = meanOf(i32x4.extract_lane(sum, 0), half, reciprocal)
  if (channels == 1) return 0xff000000 | (red * 0x010101)
  const green = meanOf(i32x4.extract_lane(sum, 1), half, reciprocal)
  const blue = meanOf(i32x4.extract_lane(sum, 2), half, reciprocal)
  return 0xff000000 | (blue << 16) | (green << 8) | red
}
