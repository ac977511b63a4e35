/**
 * The inverse DCT of 8x8 (T.81, A.3.3) by Loeffler, Ligtenberg and Moschytz (1989), in the fixed-point arithmetic of
 * libjpeg's accurate method, so that samples come out the same bit for bit. Four columns at a time.
 */
const CONSTANT_BITS = 13
/** Bits of fraction between the two passes. */
const PASS_BITS = 2

// Two constants each, times 2^13, for two coefficients that lie side by side.
const C2_C6_SUM = i16x8(10703, 4433, 10703, 4433, 10703, 4433, 10703, 4433)
const C2_C6_DIFFERENCE = i16x8(4433, -10704, 4433, -10704, 4433, -10704, 4433, -10704)
const Z3 = i16x8(-6436, 9633, -6436, 9633, -6436, 9633, -6436, 9633)
const Z4 = i16x8(9633, 6437, 9633, 6437, 9633, 6437, 9633, 6437)
const C7_C1_LOW = i16x8(-4927, -7373, -4927, -7373, -4927, -7373, -4927, -7373)
const C7_C1_HIGH = i16x8(-7373, 4926, -7373, 4926, -7373, 4926, -7373, 4926)
const C5_C3_LOW = i16x8(-4176, -20995, -4176, -20995, -4176, -20995, -4176, -20995)
const C5_C3_HIGH = i16x8(-20995, 4177, -20995, 4177, -20995, 4177, -20995, 4177)

/** Results of one pass as i32, eight of the left four columns, then of the right. */
const left = memory.data(256, 16)
const right = left + 128

/** Turns a block of quantised coefficients into 8 rows of 8 samples, `stride` bytes apart. */
export function inverse8(block: usize, quantiser: usize, to: usize, stride: usize): void {
  transform<i16>(
    i16x8.mul(v128.load(block), v128.load(quantiser)),
    i16x8.mul(v128.load(block, 16), v128.load(quantiser, 16)),
    i16x8.mul(v128.load(block, 32), v128.load(quantiser, 32)),
    i16x8.mul(v128.load(block, 48), v128.load(quantiser, 48)),
    i16x8.mul(v128.load(block, 64), v128.load(quantiser, 64)),
    i16x8.mul(v128.load(block, 80), v128.load(quantiser, 80)),
    i16x8.mul(v128.load(block, 96), v128.load(quantiser, 96)),
    i16x8.mul(v128.load(block, 112), v128.load(quantiser, 112)),
  )
  transposeAndTransform()
  writeColumns(to, stride)
}

/** The samples of a block of nothing but its first coefficient, dequantised. */
export function flatSample(coefficient: i32): u32 {
  return max(0, min(255, ((coefficient + 4) >> 3) + 128))
}

/** One pass down eight columns; `Out` is i16 in the first and u8 in the last, which takes all fraction away. */
function transform<Out>(
  c0: v128,
  c1: v128,
  c2: v128,
  c3: v128,
  c4: v128,
  c5: v128,
  c6: v128,
  c7: v128,
): void {
  const sum = i16x8.add(c0, c4)
  const difference = i16x8.sub(c0, c4)
  const z3 = i16x8.add(c7, c3)
  const z4 = i16x8.add(c5, c1)
  half<Out>(
    left,
    i32x4.extend_low_i16x8_s(sum),
    i32x4.extend_low_i16x8_s(difference),
    v128.shuffle<i16>(c2, c6, 0, 8, 1, 9, 2, 10, 3, 11),
    v128.shuffle<i16>(c7, c1, 0, 8, 1, 9, 2, 10, 3, 11),
    v128.shuffle<i16>(c5, c3, 0, 8, 1, 9, 2, 10, 3, 11),
    v128.shuffle<i16>(z3, z4, 0, 8, 1, 9, 2, 10, 3, 11),
  )
  half<Out>(
    right,
    i32x4.extend_high_i16x8_s(sum),
    i32x4.extend_high_i16x8_s(difference),
    v128.shuffle<i16>(c2, c6, 4, 12, 5, 13, 6, 14, 7, 15),
    v128.shuffle<i16>(c7, c1, 4, 12, 5, 13, 6, 14, 7, 15),
    v128.shuffle<i16>(c5, c3, 4, 12, 5, 13, 6, 14, 7, 15),
    v128.shuffle<i16>(z3, z4, 4, 12, 5, 13, 6, 14, 7, 15),
  )
}

/** Four columns; coefficients in pairs, side by side. */
function half<Out>(
  to: usize,
  sum04: v128,
  difference04: v128,
  c26: v128,
  c71: v128,
  c53: v128,
  z34: v128,
): void {
  const shift = sizeof<Out>() == 2 ? CONSTANT_BITS - PASS_BITS : CONSTANT_BITS + PASS_BITS + 3
  const rounding = i32x4.splat(1 << (shift - 1))
  const even0 = i32x4.add(i32x4.shl(sum04, CONSTANT_BITS), rounding)
  const even1 = i32x4.add(i32x4.shl(difference04, CONSTANT_BITS), rounding)
  const turned3 = i32x4.dot_i16x8_s(c26, C2_C6_SUM)
  const turned2 = i32x4.dot_i16x8_s(c26, C2_C6_DIFFERENCE)
  const even10 = i32x4.add(even0, turned3)
  const even13 = i32x4.sub(even0, turned3)
  const even11 = i32x4.add(even1, turned2)
  const even12 = i32x4.sub(even1, turned2)

  const odd3 = i32x4.dot_i16x8_s(z34, Z3)
  const odd4 = i32x4.dot_i16x8_s(z34, Z4)
  const tmp0 = i32x4.add(i32x4.dot_i16x8_s(c71, C7_C1_LOW), odd3)
  const tmp3 = i32x4.add(i32x4.dot_i16x8_s(c71, C7_C1_HIGH), odd4)
  const tmp1 = i32x4.add(i32x4.dot_i16x8_s(c53, C5_C3_LOW), odd4)
  const tmp2 = i32x4.add(i32x4.dot_i16x8_s(c53, C5_C3_HIGH), odd3)

  v128.store(to, i32x4.shr_s(i32x4.add(even10, tmp3), shift))
  v128.store(to, i32x4.shr_s(i32x4.add(even11, tmp2), shift), 16)
  v128.store(to, i32x4.shr_s(i32x4.add(even12, tmp1), shift), 32)
  v128.store(to, i32x4.shr_s(i32x4.add(even13, tmp0), shift), 48)
  v128.store(to, i32x4.shr_s(i32x4.sub(even13, tmp0), shift), 64)
  v128.store(to, i32x4.shr_s(i32x4.sub(even12, tmp1), shift), 80)
  v128.store(to, i32x4.shr_s(i32x4.sub(even11, tmp2), shift), 96)
  v128.store(to, i32x4.shr_s(i32x4.sub(even10, tmp3), shift), 112)
}

/** The results of a pass as i16: row `at / 16` of eight. */
function row(at: usize): v128 {
  return i16x8.narrow_i32x4_s(v128.load(left + at), v128.load(right + at))
}

function transposeAndTransform(): void {
  const r0 = row(0)
  const r1 = row(16)
  const r2 = row(32)
  const r3 = row(48)
  const r4 = row(64)
  const r5 = row(80)
  const r6 = row(96)
  const r7 = row(112)
  // Pairs of rows, then fours, then all eight, side by side.
  const a0 = v128.shuffle<i16>(r0, r1, 0, 8, 1, 9, 2, 10, 3, 11)
  const a1 = v128.shuffle<i16>(r0, r1, 4, 12, 5, 13, 6, 14, 7, 15)
  const a2 = v128.shuffle<i16>(r2, r3, 0, 8, 1, 9, 2, 10, 3, 11)
  const a3 = v128.shuffle<i16>(r2, r3, 4, 12, 5, 13, 6, 14, 7, 15)
  const a4 = v128.shuffle<i16>(r4, r5, 0, 8, 1, 9, 2, 10, 3, 11)
  const a5 = v128.shuffle<i16>(r4, r5, 4, 12, 5, 13, 6, 14, 7, 15)
  const a6 = v128.shuffle<i16>(r6, r7, 0, 8, 1, 9, 2, 10, 3, 11)
  const a7 = v128.shuffle<i16>(r6, r7, 4, 12, 5, 13, 6, 14, 7, 15)
  const b0 = v128.shuffle<i32>(a0, a2, 0, 4, 1, 5)
  const b1 = v128.shuffle<i32>(a0, a2, 2, 6, 3, 7)
  const b2 = v128.shuffle<i32>(a1, a3, 0, 4, 1, 5)
  const b3 = v128.shuffle<i32>(a1, a3, 2, 6, 3, 7)
  const b4 = v128.shuffle<i32>(a4, a6, 0, 4, 1, 5)
  const b5 = v128.shuffle<i32>(a4, a6, 2, 6, 3, 7)
  const b6 = v128.shuffle<i32>(a5, a7, 0, 4, 1, 5)
  const b7 = v128.shuffle<i32>(a5, a7, 2, 6, 3, 7)
  transform<u8>(
    v128.shuffle<i64>(b0, b4, 0, 2),
    v128.shuffle<i64>(b0, b4, 1, 3),
    v128.shuffle<i64>(b1, b5, 0, 2),
    v128.shuffle<i64>(b1, b5, 1, 3),
    v128.shuffle<i64>(b2, b6, 0, 2),
    v128.shuffle<i64>(b2, b6, 1, 3),
    v128.shuffle<i64>(b3, b7, 0, 2),
    v128.shuffle<i64>(b3, b7, 1, 3),
  )
}

/** Two columns of samples, row by row. */
function columns(at: usize): v128 {
  const both = i8x16.narrow_i16x8_s(row(at), row(at + 16))
  const samples = v128.xor(both, i8x16.splat(-128))
  return v128.shuffle<i8>(samples, samples, 0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15)
}

function writeColumns(to: usize, stride: usize): void {
  const c01 = columns(0)
  const c23 = columns(32)
  const c45 = columns(64)
  const c67 = columns(96)
  const top0 = v128.shuffle<i16>(c01, c23, 0, 8, 1, 9, 2, 10, 3, 11)
  const low0 = v128.shuffle<i16>(c01, c23, 4, 12, 5, 13, 6, 14, 7, 15)
  const top4 = v128.shuffle<i16>(c45, c67, 0, 8, 1, 9, 2, 10, 3, 11)
  const low4 = v128.shuffle<i16>(c45, c67, 4, 12, 5, 13, 6, 14, 7, 15)
  to = writeTwo(to, stride, v128.shuffle<i32>(top0, top4, 0, 4, 1, 5))
  to = writeTwo(to, stride, v128.shuffle<i32>(top0, top4, 2, 6, 3, 7))
  to = writeTwo(to, stride, v128.shuffle<i32>(low0, low4, 0, 4, 1, 5))
  writeTwo(to, stride, v128.shuffle<i32>(low0, low4, 2, 6, 3, 7))
}

function writeTwo(to: usize, stride: usize, rows: v128): usize {
  v128.store64_lane(to, rows, 0)
  v128.store64_lane(to + stride, rows, 1)
  return to + 2 * stride
}
