import { spend } from './budget'
import {
  isFull,
  LANES,
  Lane,
  lane,
  listAddress,
  passBlock,
  resumeFirst,
  runAll,
  runOne,
  startLane,
  unitBlocks,
} from './lanes'
import { streamBits, streamTop } from './stream'

/**
 * Finds where the blocks of a stream begin, which is all that a decode at 1/8 needs of what is not DC.
 *
 * Each symbol is found only when the one before it is known, and waiting for that is what takes the time. So two lanes
 * read in turns, from the stream's next position and from a place further on. The second begins in the middle of a
 * block, but Huffman codes find back into step: once the first has come to a place where the second, too, took a unit to
 * begin, both would read the same from there, and what the second has found is true.
 */
/** Distance of lanes in bits. */
const LANE_BITS: u32 = 1 << 19

/** Streams of fewer bits than this are read by one lane; a third of it is longer than any unit. */
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
  // Of the last entry nothing is known but where it begins; and what begins behind the end does not begin.
  while (found > 0 && load<u32>(listAddress() + (found << 2)) > bits) found--
  return spend(begun) ? found / unitBlocks() : 0
}

/**
 * Goes on from the last block known, the first list's entry `found`, until `next` has begun a unit at the same place;
 * then its list is true, and moved behind the first. Returns how many blocks are known.
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
  // Both lists hold `LIST_LENGTH` entries, and lie one behind the other: the second moves down.
  memory.copy(listAddress() + (found << 2), at, next.end - at + 4)
  return found + (<u32>(next.end - at) >> 2)
}
