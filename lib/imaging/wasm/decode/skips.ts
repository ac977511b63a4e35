import {
  BAD,
  claim,
  find,
  findSymbol,
  readDifference,
  SKIPS_FILLED,
  skipsOf,
  VALUE_BITS,
  valuesOf,
} from './huffman'
import { window } from './stream'

/**
 * Passing over coefficients: an entry, looked up with the next 12 bits of the stream, stands for as many whole symbols with
 * their values as fit into them, or for one that is longer.
 *
 *      15                                       7 6                        0
 *     +------------------------------------------+--------------------------+
 *     |                  count                   |           bits           |
 *     +------------------------------------------+--------------------------+
 *
 * `count` is 1 to 63 coefficients, and 129 more where the block ends; 256 stands for a code that is too long. Entries of a
 * block are added up, in 32 bits: the sum has how many coefficients and bits there were. The lowest six bits of an entry are
 * those of `bits`, which are 22 at most, so that a 64-bit window is shifted by an entry as it is.
 *
 * A block is over at a count of 63 or more, and the bits of the count tell how:
 *
 *     0 0011 1111             63: all coefficients were there
 *     0 10xx xxxx     129 to 191: an end of block came after up to 62 of them
 *     0 01xx xxxx      64 to 126: the last entry went beyond 63, so some of its symbols are the next block's
 *     0 11xx xxxx    192 to 254: the same, with an end of block
 *     1 xxxx xxxx    256 or more: the last entry is `LONG_CODE`
 *
 * The last three are unclear: bit 6 or bit 8 of the count is set.
 */
const SKIP_BITS: u32 = 12
export const SKIP_SHIFT: u64 = 52
export const COUNT_SHIFT: u32 = 7
export const BITS_MASK: u32 = 127

/** What an entry may stand for, so that a window of 57 bits has two entries and the 12 bits that a third is looked up with. */
const MOST_BITS: u32 = 22
export const ENTRIES_PER_WINDOW = 3

const END_OF_BLOCK: u32 = 129
const MOST_COEFFICIENTS: u32 = 63
/** For no bits: whoever reads looks the code up by itself. */
export const LONG_CODE: u32 = 256 << COUNT_SHIFT

/** A sum of entries from which on a block has ended, or is unclear. */
export const BLOCK_END: u32 = 63 << COUNT_SHIFT

/** Whether the last entry of a sum that says that the block is over went too far, or is `LONG_CODE`. */
export function isUnclear(sum: u32): bool {
  return (sum & (320 << COUNT_SHIFT)) != 0
}

/** Fills the entries of an AC table, unless they are those of its specification already. */
export function useSkips(ac: usize): void {
  if (claim(ac, SKIPS_FILLED)) fillSkips(skipsOf(ac), 0, ac)
}

/** Fills 8 KB with entries for AC symbols, or for a DC symbol and what follows. */
export function fillSkips(to: usize, dc: usize, ac: usize): void {
  for (let i: u32 = 0; i < 1 << SKIP_BITS; i++)
    store<u16>(to + (i << 1), <u16>entryFor(dc, ac, i << (16 - SKIP_BITS)))
}

function entryFor(dc: usize, ac: usize, next16: u32): u32 {
  let used: u32 = 0
  let steps: u32 = 0
  let isFirst = true
  while (used < SKIP_BITS) {
    const isDc = dc != 0 && isFirst
    const found = find(isDc ? dc : ac, (next16 << used) & 0xffff)
    if (found == BAD) break
    const code = found & 31
    const size = (found >> 5) & 15
    const run = found >> 9
    const total = used + code + size
    if (isFirst ? code > SKIP_BITS || total > MOST_BITS : total > SKIP_BITS) break
    if (!isDc) {
      if (size == 0 && run < 15) return ((steps + END_OF_BLOCK) << COUNT_SHIFT) | total
      if (steps + run + 1 > MOST_COEFFICIENTS) break
      steps += run + 1
    }
    used = total
    isFirst = false
  }
  return isFirst ? LONG_CODE : (steps << COUNT_SHIFT) | used
}

/** Passes over what is left of a block after coefficient `k`; returns the position behind it, or BAD. */
export function skipCoefficients(ac: usize, top: usize, p: u32, k: u32): u32 {
  const skips = skipsOf(ac)
  while (true) {
    let sum = k << COUNT_SHIFT
    let entry: u32 = 0
    do {
      p += sum & BITS_MASK
      sum &= ~BITS_MASK
      let bits = window(top, p)
      entry = load<u16>(skips + ((<usize>(bits >> SKIP_SHIFT)) << 1))
      sum += entry
      if (sum >= BLOCK_END) break
      bits <<= <u64>entry
      entry = load<u16>(skips + ((<usize>(bits >> SKIP_SHIFT)) << 1))
      sum += entry
      if (sum >= BLOCK_END) break
      bits <<= <u64>entry
      entry = load<u16>(skips + ((<usize>(bits >> SKIP_SHIFT)) << 1))
      sum += entry
    } while (sum < BLOCK_END)
    if (!isUnclear(sum)) return p + (sum & BITS_MASK)

    sum -= entry
    p = skipSymbol(ac, top, p + (sum & BITS_MASK), sum >> COUNT_SHIFT)
    k = reached
    if (k >= 63) return p
  }
}

let reached: u32 = 0

/** The coefficient that `skipSymbol` came to; at least 63 at the end of the block. */
export function symbolEnd(): u32 {
  return reached
}

/** Passes over one symbol, however long; returns the position behind it, or BAD. */
export function skipSymbol(ac: usize, top: usize, p: u32, k: u32): u32 {
  const bits = window(top, p)
  const entry = load<u32>(valuesOf(ac) + ((<usize>(bits >> (64 - VALUE_BITS))) << 2))
  if (entry > 0xffff) {
    reached = k + ((entry >> 8) & 31)
    return reached > 63 ? BAD : p + (entry & 31)
  }
  const found = findSymbol(ac, bits, entry)
  const size = (found >> 5) & 15
  const run = found >> 9
  const isEnd = found == BAD || (size == 0 && run < 15)
  reached = isEnd ? 63 : k + run + 1
  return found == BAD || reached > 63 ? BAD : p + (found & 31) + size
}

/** Passes over a whole block, by entries for its first symbols (`lanes.ts`); returns the position behind it, or BAD. */
export function skipBlock(starts: usize, dc: usize, ac: usize, top: usize, p: u32): u32 {
  const entry: u32 = load<u16>(starts + ((<usize>(window(top, p) >> SKIP_SHIFT)) << 1))
  if (entry < BLOCK_END) return skipCoefficients(ac, top, p + (entry & BITS_MASK), entry >> COUNT_SHIFT)
  if (!isUnclear(entry)) return p + (entry & BITS_MASK)
  p = readDifference(dc, top, p)
  return p == BAD ? BAD : skipCoefficients(ac, top, p, 0)
}
