import { component, frame } from './frame'

let inksAreKept = false

/** Has four components become CMYK as Adobe stores it, inverted, instead of RGBA: for the decodes that follow. */
export function keepInks(isKept: bool): void {
  inksAreKept = isKept
}

/** Turns one row of all components, at the width of the picture, into RGBA; writes up to 60 bytes more. */
export function convertRow(to: usize, width: u32): void {
  const first = component(0).current
  const second = component(1).current
  const third = component(2).current
  if (frame.components == 1) return convertGrey(to, first, width)
  if (frame.components == 3) {
    if (isRgb()) return interleaveRgb(to, first, second, third, width)
    return convertYcc(to, first, second, third, width)
  }
  const isYcck = frame.adobeTransform != 0
  if (isYcck) convertYcc(to, first, second, third, width)
  else interleaveRgb(to, first, second, third, width)
  const flip: u32 = isYcck ? 255 : 0
  if (inksAreKept) addBlack(to, component(3).current, width, flip)
  else multiply(to, component(3).current, width, flip)
}

/** Three components are YCbCr unless an Adobe segment, or their names when there is neither Adobe nor JFIF, say RGB. */
function isRgb(): bool {
  if (frame.adobe) return frame.adobeTransform == 0
  return !frame.jfif && component(0).id == 0x52 && component(1).id == 0x47 && component(2).id == 0x42
}

function convertGrey(to: usize, grey: usize, width: u32): void {
  for (let x: u32 = 0; x < width; x += 16) {
    const samples = v128.load(grey + x)
    writePixels(to + 4 * x, samples, samples, samples)
  }
}

function interleaveRgb(to: usize, red: usize, green: usize, blue: usize, width: u32): void {
  for (let x: u32 = 0; x < width; x += 16)
    writePixels(to + 4 * x, v128.load(red + x), v128.load(green + x), v128.load(blue + x))
}

/** Sixteen pixels from their samples. */
function writePixels(to: usize, red: v128, green: v128, blue: v128): void {
  const opaque = i8x16.splat(-1)
  const redGreen = v128.shuffle<i8>(red, green, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
  const blueAlpha = v128.shuffle<i8>(blue, opaque, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
  const redGreen8 = v128.shuffle<i8>(red, green, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
  const blueAlpha8 = v128.shuffle<i8>(
    blue,
    opaque,
    8,
    24,
    9,
    25,
    10,
    26,
    11,
    27,
    12,
    28,
    13,
    29,
    14,
    30,
    15,
    31,
  )
  v128.store(to, v128.shuffle<i16>(redGreen, blueAlpha, 0, 8, 1, 9, 2, 10, 3, 11))
  v128.store(to, v128.shuffle<i16>(redGreen, blueAlpha, 4, 12, 5, 13, 6, 14, 7, 15), 16)
  v128.store(to, v128.shuffle<i16>(redGreen8, blueAlpha8, 0, 8, 1, 9, 2, 10, 3, 11), 32)
  v128.store(to, v128.shuffle<i16>(redGreen8, blueAlpha8, 4, 12, 5, 13, 6, 14, 7, 15), 48)
}

/**
 * JFIF 1.02: R = Y + 1.402 Cr, G = Y - 0.344136 Cb - 0.714136 Cr, B = Y + 1.772 Cb. Factors times 2^15 that lie within
 * 16 bits: 0.402 and -0.228, with the whole parts added.
 */
function convertYcc(to: usize, y: usize, cb: usize, cr: usize, width: u32): void {
  for (let x: u32 = 0; x < width; x += 16) {
    const luma = v128.load(y + x)
    const blueness = v128.xor(v128.load(cb + x), i8x16.splat(-128))
    const redness = v128.xor(v128.load(cr + x), i8x16.splat(-128))
    const lumaLow = i16x8.extend_low_i8x16_u(luma)
    const lumaHigh = i16x8.extend_high_i8x16_u(luma)
    const cbLow = i16x8.extend_low_i8x16_s(blueness)
    const cbHigh = i16x8.extend_high_i8x16_s(blueness)
    const crLow = i16x8.extend_low_i8x16_s(redness)
    const crHigh = i16x8.extend_high_i8x16_s(redness)
    writePixels(
      to + 4 * x,
      i8x16.narrow_i16x8_u(redOf(lumaLow, crLow), redOf(lumaHigh, crHigh)),
      i8x16.narrow_i16x8_u(greenOf(lumaLow, cbLow, crLow), greenOf(lumaHigh, cbHigh, crHigh)),
      i8x16.narrow_i16x8_u(blueOf(lumaLow, cbLow), blueOf(lumaHigh, cbHigh)),
    )
  }
}

function redOf(luma: v128, cr: v128): v128 {
  return i16x8.add(i16x8.add(luma, cr), i16x8.q15mulr_sat_s(cr, i16x8.splat(13173)))
}

function greenOf(luma: v128, cb: v128, cr: v128): v128 {
  const factors = i16x8(-11277, -23401, -11277, -23401, -11277, -23401, -11277, -23401)
  const rounding = i32x4.splat(1 << 14)
  const low = i32x4.dot_i16x8_s(v128.shuffle<i16>(cb, cr, 0, 8, 1, 9, 2, 10, 3, 11), factors)
  const high = i32x4.dot_i16x8_s(v128.shuffle<i16>(cb, cr, 4, 12, 5, 13, 6, 14, 7, 15), factors)
  const sum = i16x8.narrow_i32x4_s(
    i32x4.shr_s(i32x4.add(low, rounding), 15),
    i32x4.shr_s(i32x4.add(high, rounding), 15),
  )
  return i16x8.add(luma, sum)
}

function blueOf(luma: v128, cb: v128): v128 {
  return i16x8.add(i16x8.add(luma, i16x8.add(cb, cb)), i16x8.q15mulr_sat_s(cb, i16x8.splat(-7471)))
}

/**
 * Adobe stores CMYK inverted, so that each colour is its sample times that of black; in YCCK what the transform gives
 * is not inverted, and `flip` 255 makes it so.
 */
function multiply(to: usize, black: usize, width: u32, flip: u32): void {
  for (let x: u32 = 0; x < width; x++) {
    const at = to + 4 * x
    const factor: u32 = load<u8>(black + x)
    store<u8>(at, ((load<u8>(at) ^ flip) * factor + 127) / 255)
    store<u8>(at, ((load<u8>(at, 1) ^ flip) * factor + 127) / 255, 1)
    store<u8>(at, ((load<u8>(at, 2) ^ flip) * factor + 127) / 255, 2)
  }
}

/** Puts black beside the other inks. */
function addBlack(to: usize, black: usize, width: u32, flip: u32): void {
  const mask = flip * 0x010101
  for (let x: u32 = 0; x < width; x++) {
    const at = to + 4 * x
    store<u32>(at, ((load<u32>(at) & 0xffffff) ^ mask) | ((<u32>load<u8>(black + x)) << 24))
  }
}
