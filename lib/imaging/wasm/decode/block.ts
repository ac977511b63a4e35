import { Component } from './frame'
import {
  BAD,
  findSymbol,
  lastDifference,
  pairsOf,
  readDifference,
  VALUE_BITS,
  valueAt,
  valuesOf,
} from './huffman'
import { PAIR_END, PAIRS_UP_TO } from './pairs'
import { skipCoefficients } from './skips'
import { streamTop, window } from './stream'

let last: u32 = 0

/** The last coefficient, as sent, of the block read last that may not be zero, as far as they were needed. */
export function lastCoefficient(): u32 {
  return last
}

/**
 * Reads one block of a sequential picture (T.81, F.2.2) from position `p` and returns the position behind it, or BAD.
 * Coefficients up to `lastNeeded` go to `block`, which must be zero; those behind are skipped, unless the caller knows where
 * the block ends and takes any position.
 */
export function readBlock(member: Component, block: usize, p: u32, isEndKnown: bool = false): u32 {
  const top = streamTop()
  p = readDifference(member.dc, top, p)
  if (p == BAD) return BAD
  store<i16>(block, (member.prediction += lastDifference()))
  const needed = member.lastNeeded
  last = 0
  if (needed == 0) return skipCoefficients(member.ac, top, p, 0)

  const place = member.place
  const table = member.ac
  const pairs = pairsOf(table)
  let k: u32 = 0
  do {
    let bits = window(top, p)
    // Of 57 bits, five entries use 55.
    let i = 0
    for (; i < 5; i++) {
      const entry = load<u32>(pairs + ((<usize>(bits >> (64 - VALUE_BITS))) << 2))
      const first = k + ((entry >> 4) & 31)
      const second = first + ((entry >> 9) & 31)
      if (second >= PAIRS_UP_TO) break
      k = second
      p += entry & 15
      bits <<= <u64>(entry & 15)
      store<i16>(block + load<u8>(place + second), ((<i32>entry) << 10) >> 25)
      store<i16>(block + load<u8>(place + first), <i32>entry >> 22)
      if (entry & PAIR_END) {
        last = k
        return p
      }
      if (k >= needed) break
    }
    if (k >= needed) break
    if (i == 5) continue
    // What entries do not hold: longer values, ends of blocks that stand alone, and the end of a full block.
    bits = window(top, p)
    const entry = load<u32>(valuesOf(table) + ((<usize>(bits >> (64 - VALUE_BITS))) << 2))
    if (entry > 0xffff) {
      p += entry & 31
      k += (entry >> 8) & 31
      store<i16>(block + load<u8>(place + k), <i16>(entry >> 16))
      continue
    }
    const found = findSymbol(table, bits, entry)
    if (found == BAD) return BAD
    const size = (found >> 5) & 15
    const run = found >> 9
    p += (found & 31) + size
    if (size) {
      k += run + 1
      store<i16>(block + load<u8>(place + k), <i16>valueAt(bits, found & 31, size))
    } else if (run == 15) k += 16
    else {
      last = k
      return p
    }
  } while (k < needed)
  last = k
  if (isEndKnown) return p
  if (k < 63) return skipCoefficients(table, top, p, k)
  return k == 63 ? p : BAD
}
