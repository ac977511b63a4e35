import { frame } from './frame'
import { writeRows } from './output'

/** The place of the next unit: one block of a component that is alone in its scan, else as many as it has factors. */
@unmanaged
class Unit {
  column: u32
  row: u32
  /** Units side by side. */
  wide: u32
}

export const unit = changetype<Unit>(memory.data(16))

/** Begins a scan with so many units side by side. */
export function startUnits(wide: u32): void {
  unit.column = 0
  unit.row = 0
  unit.wide = wide
}

/** Goes on to the next unit; at the end of a row its pixels are written, unless coefficients are kept. */
export function advance(): void {
  if (++unit.column < unit.wide) return
  unit.column = 0
  if (frame.direct) writeRows(unit.row)
  unit.row++
}
