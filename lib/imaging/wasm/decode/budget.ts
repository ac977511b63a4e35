import { component, frame } from './frame'

/** A photo has one scan, a progressive one 10 or so; each may go over the whole picture for a few bytes. */
export const MAX_SCANS: u32 = 100

/** Passes over the first coefficients: all bits but 13, then those one by one (T.81, table B.3: Al is at most 13). */
const MAX_DC_PASSES: u32 = 14

/**
 * Steps for each block of the picture: a sequential scan goes over it once, each lane may begin it, and a scan that was
 * sent again does no harm.
 */
const STEPS_PER_BLOCK: u32 = 8

/** What any picture may take: a few milliseconds, so that small ones may have scans that do nothing. */
const FREE_STEPS: u64 = 1 << 20

let left: u64 = 0

/**
 * Sets how much work the picture may take, from its size and, where there are lanes, from the bytes that are left of its
 * source. A step is a block that a scan goes over or that a lane begins: 3 to 10 ns. What coefficients take is bounded by
 * the bytes.
 *
 * No valid picture takes more. In one scan, what a lane begins that is no block of the picture takes 2 bits of source. In
 * several, each component has one (T.81, A.2.3). Of 100 progressive ones 14 may go over all components, for their first
 * coefficients, and 86 over one component each (G.1.1.1.1). So 50 million pixels in 4:4:4, 2.3 million blocks, may take
 * 19 million steps, and 8 million for each MB, or progressive 120 million: a second at most.
 */
export function openBudget(): void {
  let blocks: u64 = 0
  let largest: u64 = 0
  for (let i: u32 = 0; i < frame.components; i++) {
    const each = <u64>component(i).paddedWide * component(i).paddedHigh
    blocks += each
    largest = max(largest, each)
  }
  left = FREE_STEPS + blocks * STEPS_PER_BLOCK
  if (frame.progressive) left += blocks * MAX_DC_PASSES + largest * (MAX_SCANS - MAX_DC_PASSES)
  if (frame.direct) left += <u64>(frame.end - frame.at) * 8
}

/** Takes so many steps; false when there are not so many left. */
export function spend(steps: u32): bool {
  if (steps > left) {
    left = 0
    return false
  }
  left -= steps
  return true
}
