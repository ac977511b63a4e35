import { Component } from './frame'

/** Row and column (`row << 3 | column`) of the k-th coefficient that is sent (T.81, figure A.6). */
const ZIGZAG = memory.data<u8>([
  0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7,
  14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46,
  53, 60, 61, 54, 47, 55, 62, 63,
])

/**
 * For each of the four scales 64 places, and more for runs that go too far: a block is read on from coefficient 62 at most,
 * and by 16 at most.
 */
const TABLE_BYTES = 80
const places = memory.data(320)

/** Lays the blocks of a component out for its scale. */
export function layBlocks(member: Component): void {
  const scale = member.scale
  const table = places + <usize>ctz(scale) * TABLE_BYTES
  const behind = scale == 8 ? 126 : scale * scale * 2
  member.lastNeeded = 0
  for (let k: u32 = 0; k < 80; k++) {
    const at: u32 = k < 64 ? load<u8>(ZIGZAG + k) : 64
    const row = at >> 3
    const column = at & 7
    const isInside = row < scale && column < scale
    store<u8>(table + k, <u8>(isInside ? (row * scale + column) * 2 : behind))
    if (isInside) member.lastNeeded = k
  }
  member.place = table
  member.blockBytes = scale == 8 ? 128 : scale == 4 ? 48 : scale == 2 ? 16 : 2
}

/** A quantisation table as sent, laid out as the blocks of a component are. */
export function placeQuantiser(member: Component, from: usize, to: usize): void {
  for (let k: u32 = 0; k < 64; k++) store<u16>(to + load<u8>(member.place + k), load<u16>(from + k * 2))
}
