import { claim, PAIRS_FILLED, pairsOf, VALUE_BITS, valuesOf } from './huffman'

/**
 * Reading coefficients by two: an entry, looked up with the next 11 bits, is
 * `first value << 22 | second value << 15 | end of block << 14 | second step << 9 | first step << 4 | bits`.
 * Where there is no second, its step is 0, and it must be stored before the first.
 */
export const PAIR_END: u32 = 1 << 14

/** An entry that is none steps so far that every block is over. */
const NONE: u32 = (31 << 9) | (31 << 4)

/** From here on in a block an entry may hold what belongs to the next. */
export const PAIRS_UP_TO: u32 = 62

/** Fills the room of an AC table that has changed. */
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
