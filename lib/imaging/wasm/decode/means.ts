import { lastCoefficient, readBlock } from './block'
import { Component, scan, scanComponent } from './frame'
import { lastDifference, readDifference } from './huffman'
import { flatSample } from './idct'
import { listAddress, unitBlocks } from './lanes'
import { sampleAddress, writeSamples } from './samples'
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

/** Makes the samples of units side by side, whose blocks begin where the list at `list` says. */
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
    if (member.lastNeeded) {
      writeFew(member, list, units, bytes)
      list += wide * high * 4
      continue
    }
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

const scratch = memory.data(32, 16)

/** As `writeMeans` for a component at twice the scale, of which the lowest 2x2 coefficients count; units are `bytes` apart in the list. */
function writeFew(member: Component, list: usize, units: u32, bytes: usize): void {
  for (let n: u32 = 0; n < units; n++, list += bytes) {
    let at = list
    for (let y: u32 = 0; y < member.v; y++) {
      let to = sampleAddress(member, unit.row, (unit.column + n) * member.h, y)
      for (let x: u32 = 0; x < member.h; x++, at += 4, to += member.scale) {
        memory.fill(scratch, 0, 16)
        readBlock(member, scratch, load<u32>(at), true)
        writeSamples(member, scratch, lastCoefficient(), to)
      }
    }
  }
}
