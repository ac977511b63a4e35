import { lookUp, readBlock } from './block'
import { build, DISTANCE_BITS, EXCEPTION, LENGTH_BITS, LITERAL_BITS } from './huffman'
import { alignToByte, isBeyondEnd, refill, stream, TAKEN, take } from './stream'
import { CODE_LENGTHS, tables } from './tables'

/** The order in which lengths of the code lengths' codes are sent (RFC 1951, 3.2.7). */
const LENGTH_ORDER = memory.data<u8>([16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15])

const MOST_LITERALS: u32 = 286
const MOST_DISTANCES: u32 = 30

/**
 * Inflates the stream (RFC 1951) to `out`, until `limit` is reached (and passed by less than `OVERRUN` of `block.ts`) or the
 * stream has ended; returns the new end. Matches reach back to `base` at most.
 */
export function inflate(out: usize, limit: usize, base: usize): usize {
  while (out < limit && !stream.ended) {
    if (stream.stored) out = copyStored(out, limit)
    else if (stream.literals) out = readBlock(out, limit, base)
    else if (stream.isLast || !beginBlock()) stream.ended = true
  }
  return out
}

/** Copies bytes of a stored block up to `limit`. */
function copyStored(out: usize, limit: usize): usize {
  const count = min(<usize>stream.stored, min(limit - out, stream.end - stream.at))
  memory.copy(out, stream.at, count)
  stream.at += count
  stream.stored -= <u32>count
  if (stream.stored && stream.at == stream.end) stream.ended = true
  return out + count
}

/** Reads the header of a block; returns whether it keeps to the rules. */
function beginBlock(): bool {
  refill()
  stream.isLast = <bool>take(1)
  const type = take(2)
  if (type == 0) return beginStored()
  if (type == 1) return useTables(tables.fixedLiterals, tables.fixedDistances)
  return type == 2 && readTables() && useTables(tables.literals, tables.distances)
}

function useTables(literals: usize, distances: usize): bool {
  stream.literals = literals
  stream.distances = distances
  return !isBeyondEnd()
}

function beginStored(): bool {
  alignToByte()
  if (stream.at + 4 > stream.end) return false
  const length: u32 = load<u16>(stream.at)
  if ((length ^ load<u16>(stream.at, 2)) != 0xffff) return false
  stream.at += 4
  stream.stored = length
  return true
}

/** Reads the codes of a block (RFC 1951, 3.2.7). */
function readTables(): bool {
  if (!stream.blocksLeft) return false
  stream.blocksLeft--
  const literals = take(5) + 257
  const distances = take(5) + 1
  const sent = take(4) + 4
  if (literals > MOST_LITERALS || distances > MOST_DISTANCES) return false
  const lengths = tables.lengths
  memory.fill(lengths, 0, CODE_LENGTHS)
  for (let i: u32 = 0; i < sent; i++) {
    if (stream.count < 3 + TAKEN) refill()
    store<u8>(lengths + load<u8>(LENGTH_ORDER + i), <u8>take(3))
  }
  return (
    build(tables.codeLengths, LENGTH_BITS, tables.lengthSymbols, lengths, CODE_LENGTHS) &&
    readLengths(lengths, literals + distances) &&
    load<u8>(lengths + 256) != 0 &&
    build(tables.literals, LITERAL_BITS, tables.literalSymbols, lengths, literals) &&
    build(tables.distances, DISTANCE_BITS, tables.distanceSymbols, lengths + literals, distances)
  )
}

/** Reads `count` lengths of codes, which are coded themselves: as they are, or as repetitions of the last or of zero. */
function readLengths(lengths: usize, count: u32): bool {
  let i: u32 = 0
  while (i < count) {
    refill()
    const entry = lookUp(tables.codeLengths, stream.bits, LENGTH_BITS)
    if (entry & EXCEPTION || isBeyondEnd()) return false
    take(entry & 31)
    const symbol = entry >> 16
    if (symbol < 16) {
      store<u8>(lengths + i++, <u8>symbol)
      continue
    }
    if (symbol == 16 && !i) return false
    const length = symbol == 16 ? load<u8>(lengths + i - 1) : 0
    const times = symbol == 16 ? 3 + take(2) : symbol == 17 ? 3 + take(3) : 11 + take(7)
    if (i + times > count) return false
    memory.fill(lengths + i, length, times)
    i += times
  }
  return true
}
