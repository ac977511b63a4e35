/**
 * Huffman tables of deflate (RFC 1951, 3.2). A table is looked up with the next bits of the stream, the first of them lowest: 11
 * for literals and lengths, 9 for distances, 7 for code lengths. Codes that are longer go on in a subtable, which is looked up
 * with what is left of 15 bits. An entry:
 *
 *      30            16 15   14  13         11    8   6        4    0
 *     | value          |NONE|END|SUBTABLE| | bits  | |LITERAL| | all |
 *
 *     value     a literal, the least length or distance of a symbol, or where in the table a subtable begins
 *     bits      length of the code in this table or subtable
 *     all       bits to pass over: of the code, and the extra bits that follow it
 *     NONE      no symbol has this code
 */
export const LITERAL: u32 = 1 << 6
export const SUBTABLE: u32 = 1 << 13
export const END: u32 = 1 << 14
export const NONE: u32 = 1 << 15

/** Bits of an entry that is neither a literal nor a length or distance. */
export const EXCEPTION: u32 = SUBTABLE | END | NONE

export const LITERAL_BITS: u32 = 11
export const DISTANCE_BITS: u32 = 9
export const LENGTH_BITS: u32 = 7
const MOST_BITS: u32 = 15

/** For each length of 1 to 15 bits: how many codes have it, and the next that is given out. */
const counts = memory.data(64)
const nextCodes = memory.data(64)

/** Where in `sorted`, symbols in the order of their codes as numbers of 16 bits, those of each length go. */
const places = memory.data(64)
const sorted = memory.data(2 * 288)

/**
 * Builds a table that is looked up with `bits` bits, of `count` symbols whose codes have the lengths given. Returns whether there
 * is such a code: complete, or of a single bit, or none at all.
 */
export function build(table: usize, bits: u32, symbols: usize, lengths: usize, count: u32): bool {
  const longest = countLengths(lengths, count)
  const left = assignCodes()
  if (left < 0 || (left > 0 && longest > 1)) return false
  const subtableSize: u32 = 1 << (MOST_BITS - bits)
  sortSymbols(lengths, count)
  // The table doubles with each bit: what shorter codes stand for does not depend on it.
  let size: u32 = 1
  store<u32>(table, NONE)
  let next = sorted
  for (let length: u32 = 1; length <= bits; length++) {
    double(table, size)
    size <<= 1
    for (let left = load<u32>(counts + (length << 2)); left; left--, next += 2)
      store<u32>(
        table + (nextCode(length) << 2),
        load<u32>(symbols + ((<usize>load<u16>(next)) << 2)) + ((length << 8) | length),
      )
  }
  let free = size
  for (let length = bits + 1; length <= longest; length++) {
    for (let left = load<u32>(counts + (length << 2)); left; left--, next += 2) {
      const code = nextCode(length)
      const head = table + ((code & (size - 1)) << 2)
      if (!(load<u32>(head) & SUBTABLE)) {
        store<u32>(head, (free << 16) | SUBTABLE)
        free += subtableSize
      }
      const entry = load<u32>(symbols + ((<usize>load<u16>(next)) << 2))
      fill(table + ((load<u32>(head) >> 16) << 2), subtableSize, code >> bits, length - bits, entry)
    }
  }
  return true
}

/** Copies the first `size` entries of a table behind themselves. */
function double(table: usize, size: u32): void {
  const bytes = (<usize>size) << 2
  for (let at: usize = 0; at < bytes; at += 16) v128.store(table + bytes + at, v128.load(table + at))
}

/** Writes the symbols that have codes in the order of these: by length, then by number. */
function sortSymbols(lengths: usize, count: u32): void {
  let place: u32 = 0
  for (let length: u32 = 1; length <= MOST_BITS; length++) {
    store<u32>(places + (length << 2), place)
    place += load<u32>(counts + (length << 2))
  }
  for (let symbol: u32 = 0; symbol < count; symbol++) {
    const length: u32 = load<u8>(lengths + symbol)
    if (!length) continue
    const at = places + (length << 2)
    const to = load<u32>(at)
    store<u32>(at, to + 1)
    store<u16>(sorted + (to << 1), <u16>symbol)
  }
}

/** Counts how many codes have each length; returns the longest. */
function countLengths(lengths: usize, count: u32): u32 {
  memory.fill(counts, 0, 64)
  let longest: u32 = 0
  for (let i: u32 = 0; i < count; i++) {
    const length: u32 = load<u8>(lengths + i)
    const at = counts + (length << 2)
    store<u32>(at, load<u32>(at) + 1)
    longest = max(longest, length)
  }
  store<u32>(counts, 0)
  return longest
}

/** Says which code each length begins with; returns how many codes of 15 bits are left, less than 0 for too many codes. */
function assignCodes(): i32 {
  let code: u32 = 0
  let left: i32 = 1 << MOST_BITS
  for (let length: u32 = 1; length <= MOST_BITS; length++) {
    const count = load<u32>(counts + (length << 2))
    store<u32>(nextCodes + (length << 2), code)
    code = (code + count) << 1
    left -= <i32>(count << (MOST_BITS - length))
  }
  return left
}

/** The next code of a length, its first bit lowest. */
function nextCode(length: u32): u32 {
  const at = nextCodes + (length << 2)
  let code = load<u32>(at)
  store<u32>(at, code + 1)
  code = ((code & 0x5555) << 1) | ((code >> 1) & 0x5555)
  code = ((code & 0x3333) << 2) | ((code >> 2) & 0x3333)
  code = ((code & 0x0f0f) << 4) | ((code >> 4) & 0x0f0f)
  code = ((code & 0x00ff) << 8) | ((code >> 8) & 0x00ff)
  return code >> (16 - length)
}

/** Writes a symbol wherever a table of `size` entries is looked up with its code. */
function fill(table: usize, size: u32, code: u32, length: u32, symbol: u32): void {
  const entry = symbol + ((length << 8) | length)
  for (let i = code; i < size; i += 1 << length) store<u32>(table + (i << 2), entry)
}
