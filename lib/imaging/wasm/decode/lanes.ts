import { allocate } from '../core/memory'
import { scan, scanComponent } from './frame'
import { BAD, skipsOf } from './huffman'
import { fillSkips, skipBlock } from './skips'

/**
 * A lane reads a stream from one place on and notes where each block begins. Two of them read at the same time, see
 * `units.ts`. Lists lie one behind the other, so that the second can be moved up to the first; positions are in bits:
 *
 *     stream   |................|................|.......
 *              p of lane 0      p of lane 1      limit of lane 1
 *                               limit of lane 0
 *
 *     lists    [ 0 | 1 | 2 | ... | last ][ 0 | 1 | 2 | ... | last ]     32 bits an entry, a position each
 *                            end                     end                the block that the lane is in
 */
export const LANES = 2

/** Entries in a lane's list. */
const LIST_LENGTH: u32 = 1 << 16

/** How much further on a lane tries again that has not found into step; so each bit costs it a few steps at most. */
const RETRY_BITS: u32 = 32

/** One block of a unit: its tables, and the block after it, which after the last is the first. */
@unmanaged
export class Step {
  /** Entries (`skips.ts`) for the first symbols of the block, from DC on, and for those behind. */
  starts: usize
  skips: usize
  next: usize
  dc: usize
  ac: usize
}

@unmanaged
export class Lane {
  /** Position, and the one to stop at. */
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
/** Ten: a unit has no more blocks (T.81, B.2.3), which `decode.ts` checks. */
const steps = memory.data(320)
const lanes = memory.data(64)
let stepCount: u32 = 0
let lists: usize = 0
let starts: usize = 0

/** One of the readers, by its number. */
export function lane(index: u32): Lane {
  return changetype<Lane>(lanes + index * 32)
}

/** One block of a unit, by its address. */
export function stepAt(address: usize): Step {
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
export function beginBlock(lane: Lane, at: u32): bool {
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
