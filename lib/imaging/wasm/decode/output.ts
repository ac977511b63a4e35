import { allocate } from '../core/memory'
import { convertRow } from './colour'
import { ceilDiv, component, frame, RING_UNITS } from './frame'
import { upsampleRow } from './upsample'

/** Bytes before and behind rows, which vectors may touch. */
const MARGIN = 32

let written: u32 = 0

/** Allocates the picture and what is needed on the way to it; returns whether there was memory. */
export function openOutput(): bool {
  written = 0
  frame.output = allocate(<usize>frame.outputWidth * frame.outputHeight * 4 + 64)
  if (!frame.output) return false
  for (let i: u32 = 0; i < frame.components; i++) {
    const member = component(i)
    const scale = member.scale
    member.width = ceilDiv(frame.width * member.h * scale, frame.hMax * 8)
    member.height = ceilDiv(frame.height * member.v * scale, frame.vMax * 8)
    member.stride = ((member.paddedWide * scale + 15) & ~15) + MARGIN
    member.rows = RING_UNITS * member.v * scale
    const plane = allocate(member.stride * member.rows + 2 * MARGIN)
    const line = allocate(2 * (frame.outputWidth + MARGIN))
    const sums = allocate(2 * (frame.outputWidth + 2 * MARGIN))
    if (!plane || !line || !sums) return false
    member.plane = plane + MARGIN
    member.line = line
    member.sums = sums + MARGIN
  }
  return true
}

/** Writes the rows of pixels that can be made once row `unitRow` of the units is there. */
export function writeRows(unitRow: u32): void {
  const isLast = unitRow + 1 == frame.unitsHigh
  const end = isLast ? frame.outputHeight : (unitRow + 1) * frame.vMax * frame.scale - 1
  for (; written < end; written++) {
    for (let i: u32 = 0; i < frame.components; i++) {
      const member = component(i)
      member.current = upsampleRow(member, written)
    }
    convertRow(frame.output + <usize>written * frame.outputWidth * 4, frame.outputWidth)
  }
}
