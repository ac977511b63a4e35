import { allocate } from '../core/memory'

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

/** Symbols of the three alphabets, those of the fixed codes that mean nothing included. */
export const LITERALS: u32 = 288
export const DISTANCES: u32 = 32
export const CODE_LENGTHS: u32 = 19

/**
 * Entries of a table. A code that uses subtables is complete, so that each has two symbols at least: half as many subtables
 * as symbols, of 2^4 entries for literals and lengths and 2^6 for distances.
 */
const LITERAL_ENTRIES: usize = 2048 + 144 * 16
const DISTANCE_ENTRIES: usize = 512 + 16 * 64

/** Addresses of the tables: those of the block, and those of the fixed codes. */
@unmanaged
export class Tables {
  literals: usize
  distances: usize
  fixedLiterals: usize
  fixedDistances: usize
  codeLengths: usize
  /** The entry of each symbol, without the bits of its code. */
  literalSymbols: usize
  distanceSymbols: usize
  lengthSymbols: usize
  /** Lengths of codes as bytes, of an alphabet or of two, one after the other. */
  lengths: usize
}

export const tables = changetype<Tables>(memory.data(64))

/** For each length of 1 to 15 bits: how many codes have it, and the next that is given out. */
const counts = memory.data(64)
const nextCodes = memory.data(64)

/** Allocates what tables take and fills what all streams share; returns whether there was memory. */
export function openTables(): bool {
  const base = allocate(
    4 * (2 * (LITERAL_ENTRIES + DISTANCE_ENTRIES) + 128 + LITERALS + DISTANCES + CODE_LENGTHS) + 352,
  )
  if (!base) return false
  tables.literals = base
  tables.distances = tables.literals + 4 * LITERAL_ENTRIES
  tables.fixedLiterals = tables.distances + 4 * DISTANCE_ENTRIES
  tables.fixedDistances = tables.fixedLiterals + 4 * LITERAL_ENTRIES
  tables.codeLengths = tables.fixedDistances + 4 * DISTANCE_ENTRIES
  tables.literalSymbols = tables.codeLengths + 4 * 128
  tables.distanceSymbols = tables.literalSymbols + 4 * LITERALS
  tables.lengthSymbols = tables.distanceSymbols + 4 * DISTANCES
  tables.lengths = tables.lengthSymbols + 4 * CODE_LENGTHS
  describeSymbols()
  buildFixedTables()
  return true
}

/** The lengths and distances that symbols stand for (RFC 1951, 3.2.5). */
function describeSymbols(): void {
  for (let i: u32 = 0; i < 256; i++) setSymbol(tables.literalSymbols, i, (i << 16) | LITERAL)
  setSymbol(tables.literalSymbols, 256, END)
  let length: u32 = 3
  for (let i: u32 = 0; i < 28; i++) {
    const extra = i < 8 ? 0 : (i >> 2) - 1
    setSymbol(tables.literalSymbols, 257 + i, (length << 16) | extra)
    length += 1 << extra
  }
  setSymbol(tables.literalSymbols, 285, 258 << 16)
  for (let i: u32 = 286; i < LITERALS; i++) setSymbol(tables.literalSymbols, i, NONE)
  let distance: u32 = 1
  for (let i: u32 = 0; i < 30; i++) {
    const extra = i < 4 ? 0 : (i >> 1) - 1
    setSymbol(tables.distanceSymbols, i, (distance << 16) | extra)
    distance += 1 << extra
  }
  for (let i: u32 = 30; i < DISTANCES; i++) setSymbol(tables.distanceSymbols, i, NONE)
  for (let i: u32 = 0; i < CODE_LENGTHS; i++) setSymbol(tables.lengthSymbols, i, i << 16)
}

function setSymbol(symbols: usize, index: u32, entry: u32): void {
  store<u32>(symbols + (index << 2), entry)
}

/** RFC 1951, 3.2.6. */
function buildFixedTables(): void {
  const lengths = tables.lengths
  memory.fill(lengths, 8, 144)
  memory.fill(lengths + 144, 9, 112)
  memory.fill(lengths + 256, 7, 24)
  memory.fill(lengths + 280, 8, 8)
  build(tables.fixedLiterals, LITERAL_BITS, tables.literalSymbols, lengths, LITERALS)
  memory.fill(lengths, 5, DISTANCES)
  build(tables.fixedDistances, DISTANCE_BITS, tables.distanceSymbols, lengths, DISTANCES)
}

/**
 * Builds a table that is looked up with `bits` bits, of `count` symbols whose codes have the lengths given. Returns whether there
 * is such a code: complete, or of a single bit, or none at all.
 */
export function build(table: usize, bits: u32, symbols: usize, lengths: usize, count: u32): bool {
  const longest = countLengths(lengths, count)
  const left = assignCodes()
  if (left < 0 || (left > 0 && longest > 1)) return false
  const size: u32 = 1 << bits
  const subtableSize: u32 = 1 << (MOST_BITS - bits)
  for (let i: u32 = 0; i < size; i += 4) v128.store(table + (i << 2), i32x4.splat(NONE))
  let free = size
  for (let symbol: u32 = 0; symbol < count; symbol++) {
    const length: u32 = load<u8>(lengths + symbol)
    if (!length) continue
    const code = nextCode(length)
    const entry = load<u32>(symbols + (symbol << 2))
    if (length <= bits) {
      fill(table, size, code, length, entry)
      continue
    }
    const head = table + ((code & (size - 1)) << 2)
    if (!(load<u32>(head) & SUBTABLE)) {
      store<u32>(head, (free << 16) | SUBTABLE)
      free += subtableSize
    }
    fill(table + ((load<u32>(head) >> 16) << 2), subtableSize, code >> bits, length - bits, entry)
  }
  return true
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
