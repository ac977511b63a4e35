/** Bits behind the point of `reciprocalOf`. */
const POINT: u64 = 40

/** 1 / area, rounded up, for `meanOf`; an area of 1 to 65536. */
export function reciprocalOf(area: u32): u64 {
  return (((<u64>1) << POINT) + area - 1) / area
}

/**
 * The mean of so many bytes as their area, from their sum, rounded half up: `half` is half of the area, rounded down. Exact: what
 * the reciprocal is too large by, less than the area in units of its last bit, times (sum + half) < 256 * area stays below 2^40.
 */
export function meanOf(sum: u32, half: u32, reciprocal: u64): u32 {
  return <u32>((<u64>(sum + half) * reciprocal) >> POINT)
}

/**
 * One RGBA pixel from 4 x 32 bits: sums over `area` pixels of red, green and blue times alpha, and of alpha times 255. Exact: a
 * quotient of numbers below 2^40 and 2^32 is a half, or further from one than the error of 53 bits.
 */
export function unpremultipliedMean(sums: v128, area: u32): u32 {
  const alphaSum = <u32>i32x4.extract_lane(sums, 3)
  if (!alphaSum) return 0
  const scale = f64x2.splat(255)
  const total = f64x2.splat(<f64>alphaSum)
  const redGreen = f64x2.div(f64x2.mul(f64x2.convert_low_i32x4_u(sums), scale), total)
  const blueOnly = v128.shuffle<u32>(sums, sums, 2, 2, 2, 2)
  const blue = f64x2.div(f64x2.mul(f64x2.convert_low_i32x4_u(blueOnly), scale), total)
  const half = f64x2.splat(0.5)
  const colours = i32x4.trunc_sat_f64x2_u_zero(f64x2.add(redGreen, half))
  const alpha = <u32>(<f64>alphaSum / (255 * <f64>area) + 0.5)
  return (
    (alpha << 24) |
    ((<u32>i32x4.extract_lane(i32x4.trunc_sat_f64x2_u_zero(f64x2.add(blue, half)), 0)) << 16) |
    ((<u32>i32x4.extract_lane(colours, 1)) << 8) |
    <u32>i32x4.extract_lane(colours, 0)
  )
}
