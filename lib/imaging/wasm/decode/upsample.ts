import { Component, frame } from './frame'

/** Row `y` of the ring, or the nearest that the picture has. */
function ringRow(member: Component, y: i32): usize {
  const inside = <u32>max(0, min(<i32>member.height - 1, y))
  return member.plane + (inside % member.rows) * member.stride
}

/**
 * One row of a component at the width of the picture: as libjpeg does it, colours at half the resolution are
 * interpolated (three parts of the nearer sample, one of the farther), others repeated.
 */
export function upsampleRow(member: Component, y: u32): usize {
  const h = member.across
  const v = member.down
  const sameHeight = v == frame.vMax
  if (h == frame.hMax && sameHeight) return ringRow(member, y)
  // A block of one sample a side has no neighbours of its own that would be worth more than a repeat.
  const wide = member.width > 2 || frame.scale < 8
  if (2 * h == frame.hMax && sameHeight && wide) return doubleAcross(member, ringRow(member, y))
  if (2 * v == frame.vMax) {
    const near = ringRow(member, y >> 1)
    const far = ringRow(member, y & 1 ? <i32>(y >> 1) + 1 : <i32>(y >> 1) - 1)
    if (2 * h == frame.hMax && wide) return doubleBoth(member, near, far)
    if (h == frame.hMax) return doubleDown(member, near, far, y & 1 ? 2 : 1)
  }
  return repeat(member, ringRow(member, (y * v) / frame.vMax))
}

/** The sample left of a row is its first, that right of it its last. */
function extendEnds(row: usize, width: u32): void {
  store<u8>(row - 1, load<u8>(row))
  store<u8>(row + width, load<u8>(row + width - 1))
}

function doubleAcross(member: Component, from: usize): usize {
  const width = member.width
  const to = member.line
  extendEnds(from, width)
  const three = i16x8.splat(3)
  for (let x: u32 = 0; x < width; x += 8) {
    const here = i16x8.mul(v128.load8x8_u(from + x), three)
    const before = v128.load8x8_u(from + x - 1)
    const after = v128.load8x8_u(from + x + 1)
    const even = i16x8.shr_u(i16x8.add(i16x8.add(here, before), i16x8.splat(1)), 2)
    const odd = i16x8.shr_u(i16x8.add(i16x8.add(here, after), i16x8.splat(2)), 2)
    v128.store(to + 2 * x, v128.or(even, i16x8.shl(odd, 8)))
  }
  return to
}

function doubleDown(member: Component, near: usize, far: usize, rounding: i16): usize {
  const width = member.width
  const to = member.line
  const three = i16x8.splat(3)
  for (let x: u32 = 0; x < width; x += 8) {
    const sum = i16x8.add(i16x8.mul(v128.load8x8_u(near + x), three), v128.load8x8_u(far + x))
    const samples = i16x8.shr_u(i16x8.add(sum, i16x8.splat(rounding)), 2)
    v128.store64_lane(to + x, i8x16.narrow_i16x8_u(samples, samples), 0)
  }
  return to
}

function doubleBoth(member: Component, near: usize, far: usize): usize {
  const width = member.width
  const to = member.line
  const sums = member.sums
  const three = i16x8.splat(3)
  for (let x: u32 = 0; x < width; x += 8)
    v128.store(sums + 2 * x, i16x8.add(i16x8.mul(v128.load8x8_u(near + x), three), v128.load8x8_u(far + x)))
  store<u16>(sums - 2, load<u16>(sums))
  store<u16>(sums + 2 * width, load<u16>(sums + 2 * width - 2))
  for (let x: u32 = 0; x < width; x += 8) {
    const at = sums + 2 * x
    const here = i16x8.mul(v128.load(at), three)
    const even = i16x8.shr_u(i16x8.add(i16x8.add(here, v128.load(at - 2)), i16x8.splat(8)), 4)
    const odd = i16x8.shr_u(i16x8.add(i16x8.add(here, v128.load(at + 2)), i16x8.splat(7)), 4)
    v128.store(to + 2 * x, v128.or(even, i16x8.shl(odd, 8)))
  }
  return to
}

/** Whatever the factors are: the sample that a pixel lies in. */
function repeat(member: Component, from: usize): usize {
  const to = member.line
  for (let x: u32 = 0; x < frame.outputWidth; x++)
    store<u8>(to + x, load<u8>(from + (x * member.across) / frame.hMax))
  return to
}
