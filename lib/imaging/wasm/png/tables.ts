import { allocate } from '../core/memory'
import { build, DISTANCE_BITS, END, LITERAL, LITERAL_BITS, NONE } from './huffman'

/** Symbols of the three alphabets, those of the fixed codes that mean nothing included. */
const LITERALS: u32 = 288
const DISTANCES: u32 = 32
export const CODE_LENGTHS: u32 = 19

/**
 * Entries of a table. A code that uses subtables is complete, so that each has two symbols at least: half as many subtables
 * as symbols, of 2^4 entries for literals and lengths and 2^6 for distances.
 */
const LITERAL_ENTRIES: usize = 2048 + 144 * 16
const DISTANCE_ENTRIES: usize = 512 + 16 * 64
const LENGTH_ENTRIES: usize = 128

const SYMBOLS: usize = LITERALS + DISTANCES + CODE_LENGTHS

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

/** Allocates what tables take and fills what all streams share; returns whether there was memory. */
export function openTables(): bool {
  const entries = 2 * (LITERAL_ENTRIES + DISTANCE_ENTRIES) + LENGTH_ENTRIES
  const base = allocate(4 * (entries + SYMBOLS) + LITERALS + DISTANCES)
  if (!base) return false
  tables.literals = base
  tables.distances = tables.literals + 4 * LITERAL_ENTRIES
  tables.fixedLiterals = tables.distances + 4 * DISTANCE_ENTRIES
  tables.fixedDistances = tables.fixedLiterals + 4 * LITERAL_ENTRIES
  tables.codeLengths = tables.fixedDistances + 4 * DISTANCE_ENTRIES
  tables.literalSymbols = tables.codeLengths + 4 * LENGTH_ENTRIES
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
