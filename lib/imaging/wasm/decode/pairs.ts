import { claim, PAIRS_FILLED, pairsOf, VALUE_BITS, valuesOf } from './huffman'

/**
 * Two coefficients at once: an entry, looked up with the next 11 bits of the stream, holds as many as fit into them.
 *
 *      31             22 21          15  14  13         9 8          4 3       0
 *     +-----------------+--------------+----+------------+------------+---------+
 *     |   first value   | second value |end | second step| first step |  bits   |
 *     +-----------------+--------------+----+------------+------------+---------+
 *
 * Values have a sign. A step is how many coefficients further a value lies: its run of zeros and 1. `end` says that an end
 * of block follows, and `bits` how many bits all of that takes. Without a second value its step is 0: it is to be stored
 * before the first, which then takes its place.
 */
export const PAIR_END: u32 = 1 << 14

/** Where not even one fits: steps that lead behind the end of any block, so that whoever reads looks elsewhere. */
const NONE: u32 = (31 << 9) | (31 << 4)

/** From this coefficient on an entry may hold bits of the next block. */
export const PAIRS_UP_TO: u32 = 62

/** Fills the entries of an AC table, unless they are those of its specification already. */
export function usePairs(ac: usize): void {
  if (!claim(ac, PAIRS_FILLED)) return
  const to = pairsOf(ac)
  const values = valuesOf(ac)
  for (let i: u32 = 0; i < 1 << VALUE_BITS; i++) store<u32>(to + (i << 2), pairFor(values, i))
}

function pairFor(values: usize, i: u32): u32 {
  const first = load<u32>(values + (i << 2))
  if (first < 0x10000) return NONE
  const used = first & 31
  const alone = (first & 0xffff0000) << 6
  const pair = alone | (((first >> 8) & 31) << 4)
  const second = load<u32>(values + (((i << used) & ((1 << VALUE_BITS) - 1)) << 2))
  const total = used + (second & 31)
  if (second == 0 || total > VALUE_BITS) return pair | used
  const value = <i32>second >> 16
  if (value == 0) return second >> 5 == 0 ? pair | PAIR_END | total : pair | used
  if (value < -64 || value > 63) return pair | used
  return pair | ((value & 127) << 15) | (((second >> 8) & 31) << 9) | total
}
