/** Q15 factors of JFIF's YCbCr for pairs of 16 bits: red with blue, and green with alpha, which counts for nothing. */
function pair(first: i32, second: i32): v128 {
  return i32x4.splat((first & 0xffff) | (second << 16))
}

const HALF: i32 = 1 << 14

/** Lays `pixels` RGBA pixels on white, in place; a multiple of 4 is read. */
export function flatten(at: usize, pixels: i32): void {
  const alphas = i32x4.splat(0xff000000)
  for (const end = at + ((<usize>pixels) << 2); at < end; at += 16) {
    if (i32x4.all_true(i32x4.eq(v128.and(v128.load(at), alphas), alphas))) continue
    for (let i: usize = 0; i < 16; i += 4) {
      const alpha = <u32>load<u8>(at + i, 3)
      const white = (255 - alpha) * 255
      for (let channel: usize = 0; channel < 3; channel++) {
        const address = at + i + channel
        store<u8>(address, (<u32>load<u8>(address) * alpha + white + 127) / 255)
      }
    }
  }
}

/** The brightness of `pixels` RGBA pixels, a multiple of 8, as 16 bits from -128. */
export function toLuminance(from: usize, to: usize, pixels: i32): void {
  const redBlue = pair(9798, 3735)
  const green = pair(19235, 0)
  const bias = i32x4.splat(HALF - (128 << 15))
  for (const end = from + ((<usize>pixels) << 2); from < end; from += 32, to += 16) {
    v128.store(
      to,
      i16x8.narrow_i32x4_s(
        weigh(v128.load(from), redBlue, green, bias),
        weigh(v128.load(from, 16), redBlue, green, bias),
      ),
    )
  }
}

function weigh(pixels: v128, redBlue: v128, green: v128, bias: v128): v128 {
  const low = i16x8.splat(0xff)
  const sum = i32x4.add(
    i32x4.dot_i16x8_s(v128.and(pixels, low), redBlue),
    i32x4.dot_i16x8_s(i16x8.shr_u(pixels, 8), green),
  )
  return i32x4.shr_s(i32x4.add(sum, bias), 15)
}

/** Both colour differences of `pixels` RGBA pixels, a multiple of 4, as 16 bits around 0. */
export function toChrominance(from: usize, cb: usize, cr: usize, pixels: i32): void {
  const low = i16x8.splat(0xff)
  for (const end = from + ((<usize>pixels) << 2); from < end; from += 16, cb += 8, cr += 8) {
    const rgba = v128.load(from)
    storeChrominance(v128.and(rgba, low), i16x8.shr_u(rgba, 8), 15, cb, cr)
  }
}

/** As `toChrominance`, one for each 2x2 of two rows of `pixels` pixels, a multiple of 8: their mean. */
export function toSharedChrominance(from: usize, below: usize, cb: usize, cr: usize, pixels: i32): void {
  const low = i16x8.splat(0xff)
  for (const end = from + ((<usize>pixels) << 2); from < end; from += 32, below += 32, cb += 8, cr += 8) {
    const a = v128.load(from)
    const b = v128.load(below)
    const c = v128.load(from, 16)
    const d = v128.load(below, 16)
    storeChrominance(
      addNeighbours(
        i16x8.add(v128.and(a, low), v128.and(b, low)),
        i16x8.add(v128.and(c, low), v128.and(d, low)),
      ),
      addNeighbours(
        i16x8.add(i16x8.shr_u(a, 8), i16x8.shr_u(b, 8)),
        i16x8.add(i16x8.shr_u(c, 8), i16x8.shr_u(d, 8)),
      ),
      17,
      cb,
      cr,
    )
  }
}

/** Sums of two neighbours each: of four pixels in `left`, then of four in `right`. */
function addNeighbours(left: v128, right: v128): v128 {
  return i16x8.add(v128.shuffle<i32>(left, right, 0, 2, 4, 6), v128.shuffle<i32>(left, right, 1, 3, 5, 7))
}

function storeChrominance(redBlue: v128, green: v128, shift: i32, cb: usize, cr: usize): void {
  const bias = i32x4.splat(1 << (shift - 1))
  const blue = i32x4.add(
    i32x4.dot_i16x8_s(redBlue, pair(-5529, 16384)),
    i32x4.dot_i16x8_s(green, pair(-10855, 0)),
  )
  const red = i32x4.add(
    i32x4.dot_i16x8_s(redBlue, pair(16384, -2664)),
    i32x4.dot_i16x8_s(green, pair(-13720, 0)),
  )
  const both = i16x8.narrow_i32x4_s(
    i32x4.shr_s(i32x4.add(blue, bias), shift),
    i32x4.shr_s(i32x4.add(red, bias), shift),
  )
  v128.store64_lane(cb, both, 0)
  v128.store64_lane(cr, both, 1)
}
