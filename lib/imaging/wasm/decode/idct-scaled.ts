/**
 * Blocks at 1/2 and 1/4: the inverse DCT of the 4x4 and 2x2 lowest coefficients, which hold all frequencies that so few
 * samples can show.
 */
const CONSTANT_BITS = 13
/** Bits of fraction between the two passes. */
const PASS_BITS = 2
/** cos(pi / 8) / sqrt(2) and sin(pi / 8) / sqrt(2), times 2^13. */
const COSINE = 5352
const SINE = 2217

const rows = memory.data(64, 16)

/** Turns 4x4 quantised coefficients into 4 rows of 4 samples, `stride` bytes apart. */
export function inverse4(block: usize, quantiser: usize, to: usize, stride: usize): void {
  const top = i16x8.mul(v128.load(block), v128.load(quantiser))
  const bottom = i16x8.mul(v128.load(block, 16), v128.load(quantiser, 16))
  transform(
    i32x4.extend_low_i16x8_s(top),
    i32x4.extend_high_i16x8_s(top),
    i32x4.extend_low_i16x8_s(bottom),
    i32x4.extend_high_i16x8_s(bottom),
    CONSTANT_BITS - PASS_BITS,
  )
  transpose()
  transform(
    v128.load(rows),
    v128.load(rows, 16),
    v128.load(rows, 32),
    v128.load(rows, 48),
    CONSTANT_BITS + PASS_BITS + 1,
  )
  transpose()
  const upper = i16x8.narrow_i32x4_s(v128.load(rows), v128.load(rows, 16))
  const lower = i16x8.narrow_i32x4_s(v128.load(rows, 32), v128.load(rows, 48))
  const samples = v128.xor(i8x16.narrow_i16x8_s(upper, lower), i8x16.splat(-128))
  v128.store32_lane(to, samples, 0)
  v128.store32_lane(to + stride, samples, 1)
  v128.store32_lane(to + 2 * stride, samples, 2)
  v128.store32_lane(to + 3 * stride, samples, 3)
}

/** One pass down four columns. */
function transform(c0: v128, c1: v128, c2: v128, c3: v128, shift: i32): void {
  const rounding = i32x4.splat(1 << (shift - 1))
  const even0 = i32x4.add(i32x4.shl(i32x4.add(c0, c2), CONSTANT_BITS - 1), rounding)
  const even1 = i32x4.add(i32x4.shl(i32x4.sub(c0, c2), CONSTANT_BITS - 1), rounding)
  const cosine = i32x4.splat(COSINE)
  const sine = i32x4.splat(SINE)
  const odd0 = i32x4.add(i32x4.mul(c1, cosine), i32x4.mul(c3, sine))
  const odd1 = i32x4.sub(i32x4.mul(c1, sine), i32x4.mul(c3, cosine))
  v128.store(rows, i32x4.shr_s(i32x4.add(even0, odd0), shift))
  v128.store(rows, i32x4.shr_s(i32x4.add(even1, odd1), shift), 16)
  v128.store(rows, i32x4.shr_s(i32x4.sub(even1, odd1), shift), 32)
  v128.store(rows, i32x4.shr_s(i32x4.sub(even0, odd0), shift), 48)
}

function transpose(): void {
  const r0 = v128.load(rows)
  const r1 = v128.load(rows, 16)
  const r2 = v128.load(rows, 32)
  const r3 = v128.load(rows, 48)
  const a0 = v128.shuffle<i32>(r0, r1, 0, 4, 1, 5)
  const a1 = v128.shuffle<i32>(r0, r1, 2, 6, 3, 7)
  const a2 = v128.shuffle<i32>(r2, r3, 0, 4, 1, 5)
  const a3 = v128.shuffle<i32>(r2, r3, 2, 6, 3, 7)
  v128.store(rows, v128.shuffle<i64>(a0, a2, 0, 2))
  v128.store(rows, v128.shuffle<i64>(a0, a2, 1, 3), 16)
  v128.store(rows, v128.shuffle<i64>(a1, a3, 0, 2), 32)
  v128.store(rows, v128.shuffle<i64>(a1, a3, 1, 3), 48)
}

/** Turns 2x2 quantised coefficients into 2 rows of 2 samples, `stride` bytes apart. */
export function inverse2(block: usize, quantiser: usize, to: usize, stride: usize): void {
  const mean = <i32>load<i16>(block) * load<i16>(quantiser) + 4 + 1024
  const across = <i32>load<i16>(block, 2) * load<i16>(quantiser, 2)
  const down = <i32>load<i16>(block, 4) * load<i16>(quantiser, 4)
  const both = <i32>load<i16>(block, 6) * load<i16>(quantiser, 6)
  store<u8>(to, clamp((mean + across + down + both) >> 3))
  store<u8>(to, clamp((mean - across + down - both) >> 3), 1)
  store<u8>(to + stride, clamp((mean + across - down - both) >> 3))
  store<u8>(to + stride, clamp((mean - across - down + both) >> 3), 1)
}

function clamp(value: i32): i32 {
  return max(0, min(255, value))
}
