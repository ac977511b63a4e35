import { spend } from './budget'
import {
  isFull,
  LANES,
  Lane,
  lane,
  listAddress,
  passBlock,
  resumeFirst,
  startLane,
  unitBlocks,
} from './lanes'
import { runAll, runOne } from './run-lanes'
import { streamBits, streamTop } from './stream'

// A decode at 1/8 needs the first coefficient of each block, so of all others only where they end.
//
// Where a symbol begins is known only once the one before it has been read, and the processor spends most of its time
// waiting for that. So two lanes read in turns: one from the next position of the stream, one from a place further on. The
// second begins in the middle of a block, but Huffman codes come back into step. Once the first lane has come to a position
// where the second has begun a unit, both read the same from there on, and what the second has found is true.

/** How far apart lanes begin, in bits. */
const LANE_BITS: u32 = 1 << 19

/** Streams of fewer bits than this are read by one lane. A range of a lane is half of it at least: longer than any unit. */
const ALONE_BITS: u32 = 1 << 17

/**
 * Finds units from position `p` on, where one begins. Returns how many there are whole; `listAddress` has where each of
 * their blocks begins, and the block after the last.
 */
export function findUnits(p: u32): u32 {
  const bits = streamBits()
  if (p >= bits) return 0
  const isAlone = bits - p < ALONE_BITS
  const distance = isAlone ? bits - p : min(LANE_BITS, (bits - p) / LANES)
  const count = isAlone ? 1 : LANES
  for (let i = 0; i < count; i++) {
    const begin = p + i * distance
    startLane(i, begin, i + 1 == LANES && distance < LANE_BITS ? bits : begin + distance)
  }
  if (count > 1) runAll()
  runOne(lane(0))
  let found = <u32>(lane(0).end - listAddress()) >> 2
  let begun = found
  // Where the first list is full before it has come to the second's range, nothing of the second can be used.
  if (count > 1 && !isFull(lane(0))) {
    runOne(lane(1))
    begun += <u32>(lane(1).end - lane(1).list) >> 2
    found = join(found, lane(1))
  }
  // The block of the last entry has not been read; those that reach behind the end are not there.
  while (found > 0 && load<u32>(listAddress() + (found << 2)) > bits) found--
  return spend(begun) ? found / unitBlocks() : 0
}

/**
 * Has the first lane go on from its entry `found` until it begins a unit where `next` has begun one, and then takes over
 * the list of `next` from there. Returns how many blocks are known.
 */
function join(found: u32, next: Lane): u32 {
  const top = streamTop()
  const first = lane(0)
  let at = next.list
  while (true) {
    const p = load<u32>(listAddress() + (found << 2))
    if (found % unitBlocks() == 0) {
      while (at <= next.end && load<u32>(at) < p) at += 4 * unitBlocks()
      if (at > next.end) return found
      if (load<u32>(at) == p) break
    }
    resumeFirst(found)
    if (!passBlock(first, top)) return found
    found++
  }
  // What moves fits: it is no longer than its own list, and moves towards the beginning of both.
  memory.copy(listAddress() + (found << 2), at, next.end - at + 4)
  return found + (<u32>(next.end - at) >> 2)
}
