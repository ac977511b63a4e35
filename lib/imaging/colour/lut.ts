/** The most nodes a side that a table can say it has: its bytes are far fewer. */
type Sides = readonly number[]

/**
 * Whether a table of colours (`lut8Type`, `lut16Type`, `lutAToBType`; ICC.1:2022, 10.10 to 10.12) has those numbers of channels
 * and is there in full, so that a reader takes no more memory than it has bytes, times a few; a tag that is absent is.
 */
export function isBoundedTable(element: Buffer | undefined, from: number, to: number): boolean {
  if (!element) return true
  if (element.length < 52 || element[8] !== from || element[9] !== to) return false
  const type = element.toString('latin1', 0, 4)
  const sides: Sides = new Array(from).fill(element.readUInt8(10))
  if (type === 'mft1') return element.length >= 48 + 256 * from + bytesOf(sides, to) + 256 * to
  if (type === 'mft2') {
    const [inputs, outputs] = [element.readUInt16BE(48), element.readUInt16BE(50)]
    return element.length >= 52 + 2 * (from * inputs + bytesOf(sides, to) + to * outputs)
  }
  return type === 'mAB ' && hasWholeTable(element, from, to)
}

/** The table of a `lutAToBType`: its sides, 16 bytes, the bytes of a value, three unused. */
function hasWholeTable(element: Buffer, from: number, to: number): boolean {
  const table = element.subarray(element.readUInt32BE(24))
  if (table.length < 20) return false
  return table.length >= 20 + bytesOf([...table.subarray(0, from)], to) * table.readUInt8(16)
}

const bytesOf = (sides: Sides, channels: number) => sides.reduce((product, side) => product * side, channels)
