/** Weights have 14 bits behind the point; those of one result add up to 1. */
const WEIGHT_BITS = 14

/** Rounds and saturates four sums of weighted bytes each to 16 bytes. */
function toBytes(a: v128, b: v128, c: v128, d: v128): v128 {
  return i8x16.narrow_i16x8_u(
    i16x8.narrow_i32x4_s(i32x4.shr_s(a, WEIGHT_BITS), i32x4.shr_s(b, WEIGHT_BITS)),
    i16x8.narrow_i32x4_s(i32x4.shr_s(c, WEIGHT_BITS), i32x4.shr_s(d, WEIGHT_BITS)),
  )
}

/**
 * Makes a row of so many bytes of RGBA, rounded up to 16, from `taps` (an even number) rows, whose addresses (32 bits) and
 * weights (16 bits) are given. It is written in pairs of pixels, channel by channel, 16 bits each, for `filterRows`.
 */
export function blendRows(rows: usize, weights: usize, taps: usize, to: usize, bytes: usize): void {
  const half = i32x4.splat(1 << (WEIGHT_BITS - 1))
  const end = rows + (taps << 2)
  for (let at: usize = 0; at < bytes; at += 16, to += 32) {
    let a = half
    let b = half
    let c = half
    let d = half
    let weight = weights
    for (let row = rows; row < end; row += 8, weight += 4) {
      const one = v128.load(load<u32>(row) + at)
      const other = v128.load(load<u32>(row, 4) + at)
      const pair = v128.load32_splat(weight)
      const low = v128.shuffle<u8>(one, other, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
      const high = v128.shuffle<u8>(one, other, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
      a = i32x4.add(a, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_u(low), pair))
      b = i32x4.add(b, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_u(low), pair))
      c = i32x4.add(c, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_u(high), pair))
      d = i32x4.add(d, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_u(high), pair))
    }
    const four = toBytes(a, b, c, d)
    const pairs = v128.shuffle<u8>(four, four, 0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15)
    v128.store(to, i16x8.extend_low_i8x16_u(pairs))
    v128.store(to, i16x8.extend_high_i8x16_u(pairs), 16)
  }
}

/**
 * Makes four rows of `width` RGBA pixels from longer or shorter ones in pairs (`blendRows`): each pixel from `taps` (an
 * even number) neighbours, whose first pair is at the byte that `starts` (32 bits) says and whose weights (16 bits) lie
 * at `weights`, those of one pixel after those of another. Rows lie so many bytes apart.
 */
export function filterRows(
  from: usize,
  fromStride: usize,
  to: usize,
  toStride: usize,
  width: i32,
  starts: usize,
  weights: usize,
  taps: usize,
): void {
  const half = i32x4.splat(1 << (WEIGHT_BITS - 1))
  const weightBytes = taps << 1
  const from2 = fromStride * 2
  const from3 = fromStride * 3
  const to2 = toStride * 2
  const to3 = toStride * 3
  for (const end = to + ((<usize>width) << 2); to < end; to += 4, starts += 4) {
    let at = from + load<u32>(starts)
    let a = half
    let b = half
    let c = half
    let d = half
    for (const next = weights + weightBytes; weights < next; weights += 4, at += 16) {
      const pair = v128.load32_splat(weights)
      a = i32x4.add(a, i32x4.dot_i16x8_s(v128.load(at), pair))
      b = i32x4.add(b, i32x4.dot_i16x8_s(v128.load(at + fromStride), pair))
      c = i32x4.add(c, i32x4.dot_i16x8_s(v128.load(at + from2), pair))
      d = i32x4.add(d, i32x4.dot_i16x8_s(v128.load(at + from3), pair))
    }
    const pixels = toBytes(a, b, c, d)
    v128.store32_lane(to, pixels, 0)
    v128.store32_lane(to + toStride, pixels, 1)
    v128.store32_lane(to + to2, pixels, 2)
    v128.store32_lane(to + to3, pixels, 3)
  }
}

/** Multiplies colours by their alpha, in place; says whether any was not opaque. Reads a multiple of 4 pixels. */
export function premultiply(at: usize, pixels: i32): bool {
  const opaque = i32x4.splat(0xff000000)
  let some = false
  for (const end = at + ((<usize>pixels) << 2); at < end; at += 16) {
    if (i32x4.all_true(i32x4.ge_u(v128.load(at), opaque))) continue
    some = true
    for (let i: usize = 0; i < 16; i += 4) {
      const alpha = <u32>load<u8>(at + i, 3)
      for (let channel = at + i; channel < at + i + 3; channel++)
        store<u8>(channel, (<u32>load<u8>(channel) * alpha + 127) / 255)
    }
  }
  return some
}

/** Divides colours by their alpha, in place. */
export function unpremultiply(at: usize, pixels: i32): void {
  for (const end = at + ((<usize>pixels) << 2); at < end; at += 4) {
    const alpha = <u32>load<u8>(at, 3)
    if (alpha == 255 || alpha == 0) continue
    for (let channel = at; channel < at + 3; channel++)
      store<u8>(channel, min(255, (<u32>load<u8>(channel) * 255 + (alpha >> 1)) / alpha))
  }
}
