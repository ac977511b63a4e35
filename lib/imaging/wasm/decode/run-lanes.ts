import { BAD, readDifference } from './huffman'
import { beginBlock, Lane, lane, passBlock, stepAt } from './lanes'
import {
  BITS_MASK,
  BLOCK_END,
  COUNT_SHIFT,
  ENTRIES_PER_WINDOW,
  isUnclear,
  LONG_CODE,
  SKIP_SHIFT,
  skipSymbol,
  symbolEnd,
} from './skips'
import { streamTop, window } from './stream'

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
