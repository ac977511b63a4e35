import { Component, scan } from './frame'
import { BAD, findSymbol, lastDifference, readDifference, VALUE_BITS, valueAt, valuesOf } from './huffman'
import { streamTop, window } from './stream'

/** Blocks of the band that are known to have no further coefficients (T.81, G.1.2.2). */
let endOfBandRun: u32 = 0

/** Forgets what is known of coming blocks: at the beginning of an interval. */
export function resetRun(): void {
  endOfBandRun = 0
}

/**
 * Passes over blocks side by side, from `index` on, of which a run leaves nothing to be read; returns how many of `most`.
 */
export function passRun(member: Component, index: u32, most: u32): u32 {
  let count = min(endOfBandRun, most)
  if (count && scan.successiveHigh) {
    const set = band(scan.spectralStart, scan.spectralEnd)
    const masks = member.masks + index * 8
    let empty: u32 = 0
    while (empty < count && !(load<u64>(masks + empty * 8) & set)) empty++
    count = empty
  }
  endOfBandRun -= count
  return count
}

/** Reads what the scan says of one block (T.81, annex G) from position `p`; returns the position behind it, or BAD. */
export function readProgressiveBlock(member: Component, index: u32, p: u32): u32 {
  const block = member.coefficients + index * member.blockBytes
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
  const place = member.place
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
  const top = streamTop()
  const end = scan.spectralEnd
  const one = 1 << scan.successiveLow
  const nonZero = load<u64>(mask)
  let k = scan.spectralStart
  if (!endOfBandRun) {
    const table = member.ac
    const values = valuesOf(table)
    let added: u64 = 0
    while (k <= end) {
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
      // Passes over `run` coefficients that are zero so far, and comes to the next; those that are not get their bit.
      let zeros = ~nonZero & band(k, end)
      for (; run > 0; run--) zeros &= zeros - 1
      const target = zeros ? <u32>ctz(zeros) : end + 1
      p = refine(member, block, nonZero & band(k, target - 1), one, top, p)
      k = target + 1
      if (value && target <= end) {
        store<i16>(block + load<u8>(member.place + target), value > 0 ? one : -one)
        added |= (<u64>1) << target
      }
    }
    store<u64>(mask, nonZero | added)
  }
  if (endOfBandRun) {
    endOfBandRun--
    p = refine(member, block, nonZero & band(k, end), one, top, p)
  }
  return p
}

/** A bit for each coefficient from `start` to `end`; none when `end` lies before. */
function band(start: u32, end: u32): u64 {
  return end + 1 > start ? (<u64>-1 >> (63 - end)) & ((<u64>-1) << start) : 0
}

/** Reads the next bit of each coefficient in a set. */
function refine(member: Component, block: usize, set: u64, one: i32, top: usize, p: u32): u32 {
  const place = member.place
  let bits = window(top, p)
  let left = 56
  for (; set; set &= set - 1) {
    const at = block + load<u8>(place + <usize>ctz(set))
    const value: i32 = load<i16>(at)
    const sign = value >> 31
    // Away from zero; a coefficient that has the bit already can only be in broken data.
    const step = ((one ^ sign) - sign) & -(<i32>(bits >> 63) & ~(value >> <i32>scan.successiveLow))
    store<i16>(at, value + step)
    bits <<= 1
    p++
    if (--left == 0) {
      bits = window(top, p)
      left = 56
    }
  }
  return p
}
