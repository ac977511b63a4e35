import { DISTANCE_BITS, EXCEPTION, LITERAL, LITERAL_BITS, NONE, SUBTABLE } from './huffman'
import { refill, stream, TAKEN } from './stream'

/** More than what is written behind `limit`: a match of 258 bytes, and the rest of a vector. */
export const OVERRUN: usize = 288

const LONGEST: u32 = 15

/** Literals that can follow one another, the first of 15 bits and others of 11, and leave 11 of the 62 bits after a refill. */
const LITERALS_AT_ONCE: u32 = 4

/**
 * For distances below 16: how 16 bytes repeat the last bytes, by `swizzle`, and the largest multiple of the distance that fits.
 */
const repeats = memory.data(16 * 16)
const steps = memory.data(16)

/** Fills what `readBlock` needs. */
export function openBlocks(): void {
  for (let distance: u32 = 1; distance < 16; distance++) {
    for (let i: u32 = 0; i < 16; i++) store<u8>(repeats + (distance << 4) + i, <u8>(i % distance))
    store<u8>(steps + distance, <u8>(16 - (16 % distance)))
  }
}

/**
 * Reads a block's codes up to its end, or until `limit` is reached, and returns the new end of what they stand for. Ends the
 * stream at a code or a distance that does not exist, and where its bytes end; what came of bits behind these does not count.
 * All but inflating takes a fifth of the time for a photo. Its pace is that of one look-up after another, so the next entry is
 * looked up before anything that it need not wait for: bits are refilled here, not by calls.
 */
export function readBlock(start: usize, limit: usize, base: usize): usize {
  refill()
  const literals = stream.literals
  const distances = stream.distances
  const end = stream.end
  let out = start
  let safe = start
  let bits = stream.bits
  let count = stream.count
  let at = stream.at
  let entry = lookUp(literals, bits, LITERAL_BITS)
  while (true) {
    if (at > end && at - ((count - TAKEN) >> 3) > end) {
      out = safe
      stream.ended = true
      break
    }
    safe = out
    if (out >= limit) break
    if (entry & LITERAL) {
      for (let i: u32 = 0; i < LITERALS_AT_ONCE; i++) {
        store<u8>(out++, <u8>(entry >> 16))
        // The lowest 6 bits of an entry, `all`, are what a shift takes of it.
        bits >>= entry
        count -= entry & 31
        entry = lookUp(literals, bits, LITERAL_BITS)
        if (!(entry & LITERAL)) break
      }
      // What was looked up does not wait for the refill.
      bits |= load<u64>(at) << count
      at += (63 - count) >> 3
      count |= 56
      continue
    }
    if (entry & SUBTABLE) {
      bits >>= LITERAL_BITS
      count -= LITERAL_BITS
      entry = lookUp(literals + ((entry >> 16) << 2), bits, LONGEST - LITERAL_BITS)
      if (entry & LITERAL) continue
    }
    if (entry & EXCEPTION) {
      if (entry & NONE) stream.ended = true
      bits >>= entry
      count -= entry & 31
      stream.literals = 0
      break
    }
    const length = <usize>valueOf(entry, bits)
    bits >>= entry
    count -= entry & 31
    bits |= load<u64>(at) << count
    at += (63 - count) >> 3
    count |= 56
    entry = lookUp(distances, bits, DISTANCE_BITS)
    if (entry & SUBTABLE) {
      bits >>= DISTANCE_BITS
      count -= DISTANCE_BITS
      entry = lookUp(distances + ((entry >> 16) << 2), bits, LONGEST - DISTANCE_BITS)
    }
    const distance = <usize>valueOf(entry, bits)
    if (entry & NONE || distance > out - base) {
      stream.ended = true
      break
    }
    bits >>= entry
    count -= entry & 31
    bits |= load<u64>(at) << count
    at += (63 - count) >> 3
    count |= 56
    entry = lookUp(literals, bits, LITERAL_BITS)
    out = repeat(out, distance, length)
  }
  stream.bits = bits
  stream.count = count
  stream.at = at
  return out
}

/** The entry that the next `count` bits have in a table: masked out, with `TAKEN` bits below, they are its offset. */
export function lookUp(table: usize, bits: u64, count: u32): u32 {
  return load<u32>(table + (<u32>bits & (((1 << count) - 1) << TAKEN)))
}

/** What an entry stands for: its value, to which extra bits behind its code are added. */
function valueOf(entry: u32, bits: u64): u32 {
  const extra = (<u32>bits >> TAKEN) & ((1 << (entry & 31)) - 1)
  return (entry >> 16) + (extra >> ((entry >> 8) & 15))
}

/** Writes `length` bytes of which each is as the one `distance` before it, and up to 15 more; returns their end. */
function repeat(start: usize, distance: usize, length: usize): usize {
  const end = start + length
  let out = start
  let from = out - distance
  if (distance >= 16) {
    do {
      v128.store(out, v128.load(from))
      out += 16
      from += 16
    } while (out < end)
  } else {
    const pattern = i8x16.swizzle(v128.load(from), v128.load(repeats + (distance << 4)))
    const step = <usize>load<u8>(steps + distance)
    do {
      v128.store(out, pattern)
      out += step
    } while (out < end)
  }
  return end
}
