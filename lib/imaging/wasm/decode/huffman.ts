import { window } from './stream'

/**
 * Huffman tables (T.81, annex C and F.2.2.3), eight of them: four for DC, four for AC. A table holds the specification as
 * sent, limits that decode a code of any length, and 2,048 entries that are looked up with the next 11 bits of the stream.
 * Behind them lie the entries of `skips.ts` and `pairs.ts`. An entry is one of
 *
 *      31                            16 15   13 12        8 7     5 4         0
 *     +--------------------------------+-------+-----------+-------+-----------+
 *     |  value, never 0                |   0   |   step    |   0   |   bits    |  code and value fit into 11 bits
 *     +--------------------------------+-------+-----------+-------+-----------+
 *     |               0                |   0   |  run  |   size    |   bits    |  only the code does, or there is no value
 *     +--------------------------------+-------+-------+-----------+-----------+
 *     |                                    0                                   |  the code is longer
 *     +------------------------------------------------------------------------+
 *
 * `bits` is how many bits the entry stands for: code and value in the first row, the code in the second. `step` is how many
 * coefficients further the value lies: its run of zeros and 1. `run` (12 to 9) and `size` (8 to 5) are the symbol (F.1.2.2.1).
 */
export const VALUE_BITS: u32 = 11

/** Instead of a position or a symbol: a code that no symbol has. */
export const BAD: u32 = 0xffffffff

// The parts of a table, in bytes.
const COUNTS = 0
const SYMBOLS = 16
const LIMITS = 272
const OFFSETS = 344
const STATE = 416
const VALUES = 448
const SKIPS: usize = VALUES + (4 << VALUE_BITS)
const SKIP_BYTES: usize = 8192
const PAIRS: usize = SKIPS + SKIP_BYTES
const TABLE_BYTES: usize = PAIRS + (4 << VALUE_BITS)

const ABSENT: u32 = 0
const SENT: u32 = 1
const BUILT: u32 = 2
export const SKIPS_FILLED: u32 = 4
export const PAIRS_FILLED: u32 = 8

export const TABLES_BYTES: usize = TABLE_BYTES * 8

let tables: usize = 0

/** All tables absent, in `TABLES_BYTES` bytes from that address. */
export function placeTables(address: usize): void {
  tables = address
  for (let i: usize = 0; i < 8; i++) store<u32>(tables + i * TABLE_BYTES + STATE, ABSENT)
}

/** The entries of a table for 11 bits. */
export function valuesOf(table: usize): usize {
  return table + VALUES
}

/** The room of `skips.ts` in a table. */
export function skipsOf(table: usize): usize {
  return table + SKIPS
}

/** The room of `pairs.ts` in a table. */
export function pairsOf(table: usize): usize {
  return table + PAIRS
}

/** Keeps a specification: 16 counts and `symbols` symbols at `source`. Returns whether its codes can be. */
export function keepTable(isAc: u32, id: u32, source: usize, symbols: u32): bool {
  const table = tables + (isAc * 4 + id) * TABLE_BYTES
  memory.copy(table + COUNTS, source, 16)
  memory.fill(table + SYMBOLS, 0, 256)
  memory.copy(table + SYMBOLS, source + 16, symbols)
  store<u32>(table + STATE, SENT)
  let code: u32 = 0
  let index: u32 = 0
  for (let length: u32 = 1; length <= 16; length++) {
    const count: u32 = load<u8>(table + COUNTS + length - 1)
    // Wraps where the index is less than the code; what is added to a code of this length is its index.
    store<u32>(table + OFFSETS + length * 4, index - code)
    code += count
    index += count
    if (code > (<u32>1) << length) return false
    store<u32>(table + LIMITS + length * 4, code << (16 - length))
    code <<= 1
  }
  return true
}

/** The table, ready for `VALUES`; 0 when it was not sent. */
export function useTable(isAc: u32, id: u32): usize {
  const table = tables + (isAc * 4 + id) * TABLE_BYTES
  const state = load<u32>(table + STATE)
  if (state == ABSENT) return 0
  if (!(state & BUILT)) {
    for (let i: u32 = 0; i < 1 << VALUE_BITS; i++)
      store<u32>(table + VALUES + (i << 2), valueEntry(table, i << (16 - VALUE_BITS)))
    store<u32>(table + STATE, state | BUILT)
  }
  return table
}

/** Whether a room was not filled since the table was sent; from now on it counts as filled. */
export function claim(table: usize, room: u32): bool {
  const state = load<u32>(table + STATE)
  store<u32>(table + STATE, state | room)
  return !(state & room)
}

function valueEntry(table: usize, next16: u32): u32 {
  const found = find(table, next16)
  const length = found & 31
  if (found == BAD || length > VALUE_BITS) return 0
  const size = (found >> 5) & 15
  if (size == 0 || length + size > VALUE_BITS) return found
  const value = extend((next16 >> (16 - length - size)) & ((1 << size) - 1), size)
  return ((<u32>value) << 16) | (((found >> 9) + 1) << 8) | (length + size)
}

/** The symbol that 16 bits begin with, as `symbol << 5 | bits`, or BAD. */
export function find(table: usize, next16: u32): u32 {
  for (let length: u32 = 1; length <= 16; length++) {
    if (next16 >= load<u32>(table + LIMITS + length * 4)) continue
    const index = (next16 >> (16 - length)) + load<u32>(table + OFFSETS + length * 4)
    return ((<u32>load<u8>(table + SYMBOLS + (index & 255))) << 5) | length
  }
  return BAD
}

/** The symbol at the top of a window, as `symbol << 5 | bits`, or BAD; `entry` is what `VALUES` says of it, below 2^16. */
export function findSymbol(table: usize, bits: u64, entry: u32): u32 {
  return entry ? entry : find(table, <u32>(bits >> 48))
}

/** T.81, F.2.2.1: the value of `size` bits. */
export function extend(bits: u32, size: u32): i32 {
  return bits < (<u32>1) << (size - 1) ? <i32>bits - (1 << size) + 1 : <i32>bits
}

/** Value of the `size` bits (1 to 15) that follow `skip` bits of a window. */
export function valueAt(bits: u64, skip: u32, size: u32): i32 {
  return extend(<u32>((bits << skip) >> (64 - size)), size)
}

let difference: i32 = 0

/** The difference that `readDifference` read last. */
export function lastDifference(): i32 {
  return difference
}

/** Reads a DC difference (T.81, F.2.2.1) and returns the position behind it. */
export function readDifference(table: usize, top: usize, p: u32): u32 {
  const bits = window(top, p)
  const entry = load<u32>(table + VALUES + ((<usize>(bits >> (64 - VALUE_BITS))) << 2))
  if (entry > 0xffff) {
    difference = <i32>entry >> 16
    return p + (entry & 31)
  }
  const found = findSymbol(table, bits, entry)
  const size = (found >> 5) & 15
  if (found == BAD) return BAD
  difference = size ? valueAt(bits, found & 31, size) : 0
  return p + (found & 31) + size
}
