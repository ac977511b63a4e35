/** Filters of rows (PNG, 9.2). */
export const PAETH: u32 = 4

/**
 * Undoes a filter: makes the row `to` of the filtered bytes `from` and the row `above`, of pixels of `step` bytes, 1 to 8. Returns
 * whether there is such a filter. Vectors reach up to 15 bytes beyond the rows; before them nothing is read.
 */
export function unfilter(filter: u32, from: usize, to: usize, above: usize, bytes: usize, step: usize): bool {
  if (filter == 0) memory.copy(to, from, bytes)
  else if (filter == 1) undoSub(from, to, bytes, step)
  else if (filter == 2) undoUp(from, to, above, bytes)
  else if (filter == 3) undoAverage(from, to, above, bytes, step)
  else if (filter == PAETH) undoPaeth(from, to, above, bytes, step)
  else return false
  return true
}

/** Moves whole pixels of a vector up by `places` bytes, zeros behind them: an index of 128 or more is a zero. */
function shiftBy(places: usize): v128 {
  return i8x16.sub(i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), i8x16.splat(<i8>places))
}

/** Which bytes of a vector its last whole pixel has, over and over. */
const places = memory.data(16)

/** Sums of all pixels up to each of a vector: neighbours, then pairs, and so on. */
function undoSub(from: usize, to: usize, bytes: usize, step: usize): void {
  const by1 = shiftBy(step)
  const by2 = shiftBy(2 * step)
  const by4 = shiftBy(4 * step)
  const by8 = shiftBy(8 * step)
  const whole = 16 - (16 % step)
  for (let i: usize = 0; i < 16; i++) store<u8>(places + i, <u8>(whole - step + (i % step)))
  const lastPixel = v128.load(places)
  const end = to + bytes
  let last = i32x4.splat(0)
  for (; to < end; to += whole, from += whole) {
    let sums = v128.load(from)
    sums = i8x16.add(sums, i8x16.swizzle(sums, by1))
    sums = i8x16.add(sums, i8x16.swizzle(sums, by2))
    if (step < 4) sums = i8x16.add(sums, i8x16.swizzle(sums, by4))
    if (step == 1) sums = i8x16.add(sums, i8x16.swizzle(sums, by8))
    sums = i8x16.add(sums, last)
    v128.store(to, sums)
    last = i8x16.swizzle(sums, lastPixel)
  }
}

function undoUp(from: usize, to: usize, above: usize, bytes: usize): void {
  for (const end = to + bytes; to < end; to += 16, from += 16, above += 16)
    v128.store(to, i8x16.add(v128.load(from), v128.load(above)))
}

/** Of complements, as vectors have only the mean rounded up: `~mean(left, above)` is `avgr(~left, ~above)`. */
function undoAverage(from: usize, to: usize, above: usize, bytes: usize, step: usize): void {
  const end = to + bytes
  let left = i32x4.splat(-1)
  for (; to < end; to += step, from += step, above += step) {
    left = i8x16.sub(i8x16.avgr_u(left, v128.not(v128.load64_zero(above))), v128.load64_zero(from))
    v128.store64_lane(to, v128.not(left), 0)
  }
}

/** The one of three neighbours, as numbers of 16 bits, that is nearest to left + above - corner (PNG, 9.4). */
function nearest(left: v128, above: v128, corner: v128): v128 {
  const toLeft = i16x8.sub(above, corner)
  const toAbove = i16x8.sub(left, corner)
  const fromLeft = i16x8.abs(toLeft)
  const fromAbove = i16x8.abs(toAbove)
  const fromCorner = i16x8.abs(i16x8.add(toLeft, toAbove))
  const least = i16x8.min_s(fromCorner, i16x8.min_s(fromLeft, fromAbove))
  const aboveOrCorner = v128.bitselect(above, corner, i16x8.eq(least, fromAbove))
  return v128.bitselect(left, aboveOrCorner, i16x8.eq(least, fromLeft))
}

/** The next pixel of a row, 16 bits for each byte. */
function nextPixel(from: usize, left: v128, above: v128, corner: v128): v128 {
  const difference = i16x8.extend_low_i8x16_u(v128.load64_zero(from))
  return v128.and(i16x8.add(difference, nearest(left, above, corner)), i16x8.splat(255))
}

function storePixel(to: usize, pixel: v128): void {
  v128.store64_lane(to, i8x16.narrow_i16x8_u(pixel, pixel), 0)
}

function undoPaeth(from: usize, to: usize, above: usize, bytes: usize, step: usize): void {
  let left = i32x4.splat(0)
  let corner = left
  for (const end = to + bytes; to < end; to += step, from += step, above += step) {
    const up = i16x8.extend_low_i8x16_u(v128.load64_zero(above))
    left = nextPixel(from, left, up, corner)
    corner = up
    storePixel(to, left)
  }
}

/**
 * As `unfilter` for two Paeth rows, of which the second is one pixel behind the first: neither waits for the other's
 * pixel, so that a processor works on both at once.
 */
export function undoPaethTwice(
  from: usize,
  fromSecond: usize,
  to: usize,
  toSecond: usize,
  above: usize,
  bytes: usize,
  step: usize,
): void {
  const zero = i32x4.splat(0)
  let left = nextPixel(from, zero, i16x8.extend_low_i8x16_u(v128.load64_zero(above)), zero)
  let corner = i16x8.extend_low_i8x16_u(v128.load64_zero(above))
  let leftSecond = zero
  let cornerSecond = zero
  storePixel(to, left)
  for (const end = to + bytes - step; to < end; toSecond += step, fromSecond += step) {
    to += step
    from += step
    above += step
    const over = left
    const up = i16x8.extend_low_i8x16_u(v128.load64_zero(above))
    left = nextPixel(from, left, up, corner)
    corner = up
    storePixel(to, left)
    leftSecond = nextPixel(fromSecond, leftSecond, over, cornerSecond)
    cornerSecond = over
    storePixel(toSecond, leftSecond)
  }
  storePixel(toSecond, nextPixel(fromSecond, leftSecond, left, cornerSecond))
}
