/** One pass over 8x8 values of 32 bits. */
const scratch = memory.data(256, 16)

const C4 = f32(0.7071067811865476)
const C6 = f32(0.3826834323650898)
const C2_MINUS_C6 = f32(0.541196100146197)
const C2_PLUS_C6 = f32(1.3065629648763766)

/**
 * The DCT of an 8x8 block of 16 bits (rows `stride` bytes apart), times `factors` and rounded, as 16 bits to `to`.
 * Factors and results lie transposed: by column, then by row. Returns which of the 64 results are not zero, bit by bit.
 */
export function transform(from: usize, stride: usize, factors: usize, to: usize): u64 {
  for (let half: usize = 0; half < 2; half++) {
    const at = from + (half << 3)
    pass(
      widen(at),
      widen(at + stride),
      widen(at + stride * 2),
      widen(at + stride * 3),
      widen(at + stride * 4),
      widen(at + stride * 5),
      widen(at + stride * 6),
      widen(at + stride * 7),
    )
    // Four columns of eight are rows of eight in `scratch`.
    const rows = scratch + (half << 7)
    turn(x0, x1, x2, x3, rows)
    turn(x4, x5, x6, x7, rows + 16)
  }
  quantiseHalf(factors, to, 0)
  quantiseHalf(factors, to, 16)
  let some: u64 = 0
  for (let at: usize = 0; at < 128; at += 32) {
    const zero = i16x8.splat(0)
    const zeros = i8x16.narrow_i16x8_s(
      i16x8.eq(v128.load(to + at), zero),
      i16x8.eq(v128.load(to + at, 16), zero),
    )
    some |= (<u64>(~i8x16.bitmask(zeros) & 0xffff)) << (at >> 1)
  }
  return some
}

function quantiseHalf(factors: usize, to: usize, half: usize): void {
  const at = scratch + half
  pass(
    v128.load(at),
    v128.load(at, 32),
    v128.load(at, 64),
    v128.load(at, 96),
    v128.load(at, 128),
    v128.load(at, 160),
    v128.load(at, 192),
    v128.load(at, 224),
  )
  factors += half
  to += half >> 1
  quantise(x0, x1, factors, to)
  quantise(x2, x3, factors + 64, to + 32)
  quantise(x4, x5, factors + 128, to + 64)
  quantise(x6, x7, factors + 192, to + 96)
}

/** Two rows, or halves of them, that lie 32 bytes apart in the factors and 16 in the results. */
function quantise(one: v128, other: v128, factors: usize, to: usize): void {
  const both = i16x8.narrow_i32x4_s(
    i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(one, v128.load(factors)))),
    i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(other, v128.load(factors, 32)))),
  )
  v128.store64_lane(to, both, 0)
  v128.store64_lane(to, both, 1, 16)
}

/** Four values of 16 bits as floating point. */
function widen(at: usize): v128 {
  return f32x4.convert_i32x4_s(v128.load16x4_s(at))
}

/** Stores four rows of four as columns, 32 bytes apart. */
function turn(a: v128, b: v128, c: v128, d: v128, to: usize): void {
  const low = v128.shuffle<i32>(a, b, 0, 4, 1, 5)
  const high = v128.shuffle<i32>(a, b, 2, 6, 3, 7)
  const low2 = v128.shuffle<i32>(c, d, 0, 4, 1, 5)
  const high2 = v128.shuffle<i32>(c, d, 2, 6, 3, 7)
  v128.store(to, v128.shuffle<i64>(low, low2, 0, 2))
  v128.store(to, v128.shuffle<i64>(low, low2, 1, 3), 32)
  v128.store(to, v128.shuffle<i64>(high, high2, 0, 2), 64)
  v128.store(to, v128.shuffle<i64>(high, high2, 1, 3), 96)
}

let x0: v128 = i64x2.splat(0)
let x1: v128 = i64x2.splat(0)
let x2: v128 = i64x2.splat(0)
let x3: v128 = i64x2.splat(0)
let x4: v128 = i64x2.splat(0)
let x5: v128 = i64x2.splat(0)
let x6: v128 = i64x2.splat(0)
let x7: v128 = i64x2.splat(0)

/**
 * The one-dimensional DCT-II down four columns but for a factor by row (`ENCODE_SCALES`), to `x0` to `x7`.
 * Arai, Agui, Nakajima: A fast DCT-SQ scheme for images, 1988; as Pennebaker and Mitchell draw it (figure 4-8).
 */
function pass(a: v128, b: v128, c: v128, d: v128, e: v128, f: v128, g: v128, h: v128): void {
  const sum07 = f32x4.add(a, h)
  const sum16 = f32x4.add(b, g)
  const sum25 = f32x4.add(c, f)
  const sum34 = f32x4.add(d, e)
  const even0 = f32x4.add(sum07, sum34)
  const even1 = f32x4.add(sum16, sum25)
  const even2 = f32x4.sub(sum07, sum34)
  const turned = f32x4.mul(f32x4.add(f32x4.sub(sum16, sum25), even2), f32x4.splat(C4))
  x0 = f32x4.add(even0, even1)
  x4 = f32x4.sub(even0, even1)
  x2 = f32x4.add(even2, turned)
  x6 = f32x4.sub(even2, turned)

  const difference07 = f32x4.sub(a, h)
  const difference16 = f32x4.sub(b, g)
  const difference25 = f32x4.sub(c, f)
  const odd0 = f32x4.add(f32x4.sub(d, e), difference25)
  const odd1 = f32x4.add(difference25, difference16)
  const odd2 = f32x4.add(difference16, difference07)
  const shared = f32x4.mul(f32x4.sub(odd0, odd2), f32x4.splat(C6))
  const low = f32x4.add(f32x4.mul(odd0, f32x4.splat(C2_MINUS_C6)), shared)
  const high = f32x4.add(f32x4.mul(odd2, f32x4.splat(C2_PLUS_C6)), shared)
  const middle = f32x4.mul(odd1, f32x4.splat(C4))
  const sum = f32x4.add(difference07, middle)
  const difference = f32x4.sub(difference07, middle)
  x5 = f32x4.add(difference, low)
  x3 = f32x4.sub(difference, low)
  x1 = f32x4.add(sum, high)
  x7 = f32x4.sub(sum, high)
}
