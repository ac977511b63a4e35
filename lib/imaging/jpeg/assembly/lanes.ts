import { scan, scanComponent } from './frame'
import { BAD, readDifference, skipsOf } from './huffman'
import { allocate } from './memory'
import {
  BITS_MASK,
  BLOCK_END,
  COUNT_SHIFT,
  ENTRIES_PER_WINDOW,
  fillSkips,
  isUnclear,
  LONG_CODE,
  SKIP_SHIFT,
  skipBlock,
  skipSymbol,
  symbolEnd,
} from './skips'
import { streamTop, window } from './stream'

export const LANES = 2

/** Entries in a lane's list. */
const LIST_LENGTH: u32 = 1 << 16

/** How much further on a lane tries again that has not found into step; so each bit costs it a few steps at most. */
const RETRY_BITS: u32 = 32

/** One block of a unit: its tables, and the block after it. */
@unmanaged
class Step {
  /** Entries for the first symbols of the block and for those behind. */
  starts: usize
  skips: usize
  next: usize
  dc: usize
  ac: usize
}

/** One of the readers of `units.ts`. */
@unmanaged
export class Lane {
  /** Position, and where to stop. */
  p: u32
  limit: u32
  /** The block that is being read. */
  step: usize
  /** Where each block begins, 32 bits an entry; `end` is the entry of the block being read, `last` the last there is room for. */
  list: usize
  end: usize
  last: usize
}

const STEP_BYTES: usize = 32
const steps = memory.data(320)
const lanes = memory.data(64)
let stepCount: u32 = 0
let lists: usize = 0
let starts: usize = 0

/** One of the readers, by its number. */
export function lane(index: u32): Lane {
  return changetype<Lane>(lanes + index * 32)
}

function stepAt(address: usize): Step {
  return changetype<Step>(address)
}

/** Allocates the lists; returns whether there was memory. */
export function openLanes(): bool {
  lists = allocate(LIST_LENGTH * 4 * LANES)
  starts = allocate(8192 * 4)
  return lists != 0 && starts != 0
}

/** Takes over the tables of the current scan. */
export function useLanes(): void {
  stepCount = 0
  for (let i: u32 = 0; i < scan.components; i++) {
    const member = scanComponent(i)
    let first = starts + 8192 * i
    let known = false
    for (let j: u32 = 0; j < i && !known; j++) {
      const other = scanComponent(j)
      known = other.dc == member.dc && other.ac == member.ac
      if (known) first = starts + 8192 * j
    }
    if (!known) fillSkips(first, member.dc, member.ac)
    const blocks: u32 = scan.components == 1 ? 1 : member.h * member.v
    for (let n: u32 = 0; n < blocks; n++) {
      const step = stepAt(steps + STEP_BYTES * stepCount++)
      step.starts = first
      step.skips = skipsOf(member.ac)
      step.dc = member.dc
      step.ac = member.ac
      step.next = changetype<usize>(step) + STEP_BYTES
    }
  }
  stepAt(steps + STEP_BYTES * (stepCount - 1)).next = steps
}

/** Where the first lane's list is. */
export function listAddress(): usize {
  return lists
}

/** Blocks of a unit of the current scan. */
export function unitBlocks(): u32 {
  return stepCount
}

/** Has a lane begin, at `p`, what it takes for the first block of a unit. */
export function startLane(index: u32, p: u32, limit: u32): void {
  const member = lane(index)
  member.p = p
  member.limit = limit
  member.step = steps
  member.list = lists + index * LIST_LENGTH * 4
  member.end = member.list
  member.last = member.list + (LIST_LENGTH - 1) * 4
  store<u32>(member.list, p)
}

/** Has the first lane go on with its `found`-th block, however far. */
export function resumeFirst(found: u32): void {
  const first = lane(0)
  first.limit = 0xffffffff
  first.end = lists + (found << 2)
  first.step = steps + STEP_BYTES * (found % stepCount)
}

/** Whether a lane has no room for another block. */
export function isFull(lane: Lane): bool {
  return lane.end >= lane.last
}

/** Notes that the next block of a lane begins at `at`; false when the lane is at its limit, or has no room. */
function beginBlock(lane: Lane, at: u32): bool {
  // Nothing else lengthens a list, so no data can make one run over.
  if (isFull(lane)) return false
  lane.step = stepAt(lane.step).next
  lane.end += 4
  store<u32>(lane.end, at)
  return at < lane.limit
}

/**
 * Passes over the block that a lane is in, from its beginning, and begins the next; false when the lane must stop. At
 * data that makes no sense the first lane stops. Others have not found into step: they begin again, a bit further on.
 */
export function passBlock(lane: Lane, top: usize): bool {
  const step = stepAt(lane.step)
  const begin = load<u32>(lane.end)
  const p = skipBlock(step.starts, step.dc, step.ac, top, begin)
  if (p != BAD) return beginBlock(lane, p)
  if (lane.list == lists) return false
  lane.step = steps
  lane.end = lane.list
  store<u32>(lane.list, begin + RETRY_BITS)
  return begin + RETRY_BITS < lane.limit
}

/**
 * Passes over the symbol at `p` whose code is too long for an entry. Returns the sum with which the lane goes on, at
 * `lane.p`.
 */
function passSymbol(lane: Lane, top: usize, p: u32, sum: u32): u32 {
  const step = stepAt(lane.step)
  if (p == load<u32>(lane.end)) {
    lane.p = readDifference(step.dc, top, p)
    if (lane.p != BAD) return 0
  } else {
    lane.p = skipSymbol(step.ac, top, p, (sum - LONG_CODE) >> COUNT_SHIFT)
    if (lane.p != BAD) return symbolEnd() << COUNT_SHIFT
  }
  // The block as a whole will be found to make no sense, too.
  lane.p = p
  return 64 << COUNT_SHIFT
}

/** The entry for the first symbols of the block at `p`. */
function startOf(lane: Lane, top: usize, p: u32): u32 {
  return load<u16>(stepAt(lane.step).starts + ((<usize>(window(top, p) >> SKIP_SHIFT)) << 1))
}

/**
 * Runs the lanes, in turns, until one has come to its limit or has filled its list. That is looked at wherever a block
 * begins: a block is over after 63 entries at most, as each counts at least one coefficient.
 */
export function runAll(): void {
  const top = streamTop()
  const lane0 = lane(0)
  const lane1 = lane(1)
  let p0 = lane0.p
  let sum0 = startOf(lane0, top, p0)
  let skips0 = stepAt(lane0.step).skips
  p0 += sum0 & BITS_MASK
  sum0 &= ~BITS_MASK
  let p1 = lane1.p
  let sum1 = startOf(lane1, top, p1)
  let skips1 = stepAt(lane1.step).skips
  p1 += sum1 & BITS_MASK
  sum1 &= ~BITS_MASK
  while (true) {
    let bits0 = window(top, p0)
    let bits1 = window(top, p1)
    for (let i = 0; i < ENTRIES_PER_WINDOW; i++) {
      while (sum0 >= BLOCK_END) {
        p0 += sum0 & BITS_MASK
        if (sum0 >= LONG_CODE) {
          sum0 = passSymbol(lane0, top, p0, sum0)
          p0 = lane0.p
          bits0 = window(top, p0)
          continue
        }
        if (isUnclear(sum0)) {
          if (!passBlock(lane0, top)) return
          p0 = load<u32>(lane0.end)
        } else if (!beginBlock(lane0, p0)) return
        skips0 = stepAt(lane0.step).skips
        sum0 = startOf(lane0, top, p0)
        bits0 = window(top, p0 + (sum0 & BITS_MASK))
      }
      while (sum1 >= BLOCK_END) {
        p1 += sum1 & BITS_MASK
        if (sum1 >= LONG_CODE) {
          sum1 = passSymbol(lane1, top, p1, sum1)
          p1 = lane1.p
          bits1 = window(top, p1)
          continue
        }
        if (isUnclear(sum1)) {
          if (!passBlock(lane1, top)) return
          p1 = load<u32>(lane1.end)
        } else if (!beginBlock(lane1, p1)) return
        skips1 = stepAt(lane1.step).skips
        sum1 = startOf(lane1, top, p1)
        bits1 = window(top, p1 + (sum1 & BITS_MASK))
      }
      const entry0: u32 = load<u16>(skips0 + ((<usize>(bits0 >> SKIP_SHIFT)) << 1))
      const entry1: u32 = load<u16>(skips1 + ((<usize>(bits1 >> SKIP_SHIFT)) << 1))
      sum0 += entry0
      bits0 <<= <u64>entry0
      sum1 += entry1
      bits1 <<= <u64>entry1
    }
    p0 += sum0 & BITS_MASK
    sum0 &= ~BITS_MASK
    p1 += sum1 & BITS_MASK
    sum1 &= ~BITS_MASK
  }
}

/** Brings a lane to its limit, or to the end of its list, block by block. */
export function runOne(lane: Lane): void {
  const top = streamTop()
  if (load<u32>(lane.end) >= lane.limit) return
  while (passBlock(lane, top)) {}
}
