import { Component, frame, scan } from './frame'
import { BAD, findSymbol, lastDifference, readDifference, VALUE_BITS, valueAt, valuesOf } from './huffman'
import { streamTop, window } from './stream'

/** Blocks of the band that are known to have no further coefficients (T.81, G.1.2.2). */
let endOfBandRun: u32 = 0

export function resetRun(): void {
  endOfBandRun = 0
}

/** Reads what the scan says of one block (T.81, annex G) from position `p`; returns the position behind it, or BAD. */
export function readProgressiveBlock(member: Component, index: u32, p: u32): u32 {
  const block = member.coefficients + index * frame.blockBytes
  if (scan.spectralStart == 0) return scan.successiveHigh ? refineDc(block, p) : readDc(member, block, p)
  const mask = member.masks + index * 8
  return scan.successiveHigh ? refineAc(member, block, mask, p) : readAc(member, block, mask, p)
}

function readDc(member: Component, block: usize, p: u32): u32 {
  p = readDifference(member.dc, streamTop(), p)
  if (p == BAD) return BAD
  member.prediction += lastDifference()
  store<i16>(block, member.prediction << scan.successiveLow)
  return p
}

function refineDc(block: usize, p: u32): u32 {
  const one = 1 << (<i32>scan.successiveLow)
  if (bitAt(p)) store<i16>(block, <i32>load<i16>(block) | one)
  return p + 1
}

function bitAt(p: u32): u32 {
  return (load<u8>(streamTop() - 1 - (p >> 3)) >> (7 - (p & 7))) & 1
}

function readAc(member: Component, block: usize, mask: usize, p: u32): u32 {
  if (endOfBandRun) {
    endOfBandRun--
    return p
  }
  const top = streamTop()
  const table = member.ac
  const values = valuesOf(table)
  const place = frame.place
  const low = scan.successiveLow
  const end = scan.spectralEnd
  let nonZero = load<u64>(mask)
  let k = scan.spectralStart - 1
  do {
    const bits = window(top, p)
    const entry = load<u32>(values + ((<usize>(bits >> (64 - VALUE_BITS))) << 2))
    let value = <i32>entry >> 16
    if (value) {
      p += entry & 31
      k += (entry >> 8) & 31
    } else {
      const found = findSymbol(table, bits, entry)
      if (found == BAD) return BAD
      const size = (found >> 5) & 15
      const run = found >> 9
      const length = found & 31
      if (size == 0 && run < 15) {
        p += length + run
        endOfBandRun = (1 << run) - 1
        if (run) endOfBandRun += <u32>((bits << length) >> (64 - run))
        break
      }
      p += length + size
      k += run + 1
      if (size == 0) continue
      value = valueAt(bits, length, size)
    }
    if (k > end) return BAD
    store<i16>(block + load<u8>(place + k), value << low)
    nonZero |= (<u64>1) << k
  } while (k < end)
  store<u64>(mask, nonZero)
  return p
}

function refineAc(member: Component, block: usize, mask: usize, p: u32): u32 {
  const end = scan.spectralEnd
  const one = 1 << scan.successiveLow
  const nonZero = load<u64>(mask)
  let k = scan.spectralStart
  if (!endOfBandRun) {
    const top = streamTop()
    const table = member.ac
    const values = valuesOf(table)
    let added: u64 = 0
    for (; k <= end; k++) {
      const bits = window(top, p)
      // A value is one bit here, which the table has taken with its code.
      const entry = load<u32>(values + ((<usize>(bits >> (64 - VALUE_BITS))) << 2))
      let value = <i32>entry >> 16
      let run: u32
      if (value) {
        run = ((entry >> 8) & 31) - 1
        p += entry & 31
      } else {
        const found = findSymbol(table, bits, entry)
        if (found == BAD) return BAD
        const size = (found >> 5) & 15
        const length = found & 31
        run = found >> 9
        p += length + size
        if (size) value = valueAt(bits, length, size)
        else if (run < 15) {
          p += run
          endOfBandRun = 1 << run
          if (run) endOfBandRun += <u32>((bits << length) >> (64 - run))
          break
        }
      }
      // Passes over `run` coefficients that are zero so far; those that are not get their bit.
      for (; k <= end; k++) {
        if ((nonZero >> k) & 1) p = refine(block, k, one, p)
        else if (run-- == 0) break
      }
      if (value && k <= end) {
        store<i16>(block + load<u8>(frame.place + k), value > 0 ? one : -one)
        added |= (<u64>1) << k
      }
    }
    store<u64>(mask, nonZero | added)
  }
  if (endOfBandRun) {
    endOfBandRun--
    let left = (nonZero >> k) & (((<u64>2) << (end - k)) - 1)
    for (; left && k <= end; left >>= 1, k++) if (left & 1) p = refine(block, k, one, p)
  }
  return p
}

/** Reads the next bit of a coefficient that is not zero. */
function refine(block: usize, k: u32, one: i32, p: u32): u32 {
  const at = block + load<u8>(frame.place + k)
  const value: i32 = load<i16>(at)
  if (bitAt(p) && !(value & one)) store<i16>(at, value < 0 ? value - one : value + one)
  return p + 1
}
