import { scan, scanComponent } from './frame'
import { lastDifference, readDifference } from './huffman'
import { flatSample } from './idct'
import { listAddress, unitBlocks } from './lanes'
import { streamTop } from './stream'
import { advance, unit } from './unit'
import { findUnits } from './units'

/** Reads up to `count` units at 1/8, of which the means of the blocks are all that is needed; returns how many there were. */
export function readMeans(count: u32): u32 {
  let n: u32 = 0
  for (let p: u32 = 0; n < count; ) {
    const found = min(findUnits(p), count - n)
    if (found == 0) break
    let at = listAddress()
    const end = n + found
    while (n < end) {
      const run = min(end - n, unit.wide - unit.column)
      writeMeans(at, run)
      at += run * unitBlocks() * 4
      n += run
      unit.column += run - 1
      advance()
    }
    p = load<u32>(at)
  }
  return n
}

/** Makes the samples at 1/8 of units side by side, whose blocks begin where the list at `list` says. */
function writeMeans(list: usize, units: u32): void {
  const top = streamTop()
  const bytes = unitBlocks() * 4
  for (let i: u32 = 0; i < scan.components; i++) {
    const member = scanComponent(i)
    const dc = member.dc
    const stride = member.stride
    const wide = member.h
    const high = member.v
    const quantiser: i32 = load<i16>(member.quantiser)
    let prediction = member.prediction
    let to = member.plane + ((unit.row * high) % member.rows) * stride + unit.column * wide
    for (let n: u32 = 0, from = list; n < units; n++, from += bytes, to += wide) {
      let at = from
      for (let y: u32 = 0; y < high; y++) {
        for (let x: u32 = 0; x < wide; x++, at += 4) {
          readDifference(dc, top, load<u32>(at))
          prediction += lastDifference()
          store<u8>(to + y * stride + x, <u8>flatSample(<i32>(<i16>prediction) * quantiser))
        }
      }
    }
    member.prediction = prediction
    list += wide * high * 4
  }
}
