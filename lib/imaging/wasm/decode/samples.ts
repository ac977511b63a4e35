import { Component, RING_UNITS } from './frame'
import { flatSample, inverse8 } from './idct'
import { inverse2, inverse4 } from './idct-scaled'

/** Where the samples of a block go, at a column and row of blocks of the current row of units. */
export function sampleAddress(member: Component, unitRow: u32, column: u32, row: u32): usize {
  const ringRow = (unitRow % RING_UNITS) * member.v + row
  return member.plane + (ringRow * member.stride + column) * member.scale
}

/** Makes the samples of one block; `last` is its last coefficient, as sent, that may not be zero. */
export function writeSamples(member: Component, block: usize, last: u32, to: usize): void {
  const scale = member.scale
  const stride = member.stride
  const quantiser = member.quantiser
  if (last == 0) {
    const sample = flatSample(<i32>load<i16>(block) * load<i16>(quantiser))
    if (scale == 1) store<u8>(to, <u8>sample)
    else fillSquare(to, stride, scale, sample)
  } else if (scale == 8) inverse8(block, quantiser, to, stride)
  else if (scale == 4) inverse4(block, quantiser, to, stride)
  else inverse2(block, quantiser, to, stride)
}

const GREY = 128

/** What is shown where there is no data. */
export function writeGrey(member: Component, to: usize): void {
  fillSquare(to, member.stride, member.scale, GREY)
}

function fillSquare(to: usize, stride: usize, side: u32, sample: u32): void {
  const samples = i8x16.splat(<i8>sample)
  for (let y: u32 = 0; y < side; y++) {
    if (side == 8) v128.store64_lane(to, samples, 0)
    else if (side == 4) v128.store32_lane(to, samples, 0)
    else if (side == 2) v128.store16_lane(to, samples, 0)
    else store<u8>(to, <u8>sample)
    to += stride
  }
}
