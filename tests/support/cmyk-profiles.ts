import { curve, element, makeProfile } from './profiles.ts'

/** Profiles of CMYK, made in code: tables of two nodes a side, between which inks are mixed linearly. */

const NODES = 2 ** 4

/** L*, a* and b* of each node, 0 to 1: each ink takes light away, and cyan and magenta, and yellow, have a hue. */
const COLOURS = Array.from({ length: NODES }, (_, node) => {
  const [cyan, magenta, yellow, black] = [8, 4, 2, 1].map((bit) => (node & bit ? 1 : 0)) as [
    number,
    number,
    number,
    number,
  ]
  const light = 1 - Math.min(0.9, 0.3 * cyan + 0.35 * magenta + 0.08 * yellow + 0.7 * black)
  const hue = 1 - black
  return [light, 0.5 + 0.15 * hue * (magenta - cyan), 0.5 + 0.2 * hue * (yellow - 0.7 * cyan)]
}).flat()

const identity = Buffer.from(Array.from({ length: 256 }, (_, i) => i))

const u16 = (values: number[]) => {
  const bytes = Buffer.alloc(2 * values.length)
  for (const [i, value] of values.entries()) bytes.writeUInt16BE(value, 2 * i)
  return bytes
}

/** The unit matrix, which such tables have and CMYK does not use. */
const MATRIX = Buffer.from([1, 0, 0, 0, 1, 0, 0, 0, 1].flatMap((value) => [0, value, 0, 0]))

const channels = (nodes: number) => Buffer.from([4, 3, nodes, 0])

/** Elements of the types of table (ICC.1:2022, 10.10 to 10.12); L* of 16 bits is 0xff00 at most in the second. */
export const TABLES = {
  lut8Type: element(
    'mft1',
    channels(2),
    MATRIX,
    ...new Array(4).fill(identity),
    Buffer.from(COLOURS.map((value) => Math.round(255 * value))),
    ...new Array(3).fill(identity),
  ),
  lut16Type: element(
    'mft2',
    channels(2),
    MATRIX,
    u16([2, 2]),
    u16(new Array(4).fill([0, 65_535]).flat()),
    u16(COLOURS.map((value) => Math.round(0xff00 * value))),
    u16(new Array(3).fill([0, 65_535]).flat()),
  ),
  lutAToBType: makeCurvedTable(),
}

/** Curves before and after, of which all are the identity, and the table between them. */
function makeCurvedTable(): Buffer {
  const table = Buffer.concat([
    Buffer.alloc(16).fill(2, 0, 4),
    Buffer.from([2, 0, 0, 0]),
    u16(COLOURS.map((value) => Math.round(65_535 * value))),
  ])
  const [before, after] = [4, 3].map((count) => Buffer.concat(new Array(count).fill(curve([])))) as [
    Buffer,
    Buffer,
  ]
  const offsets = Buffer.alloc(20)
  offsets.writeUInt32BE(32)
  offsets.writeUInt32BE(32 + after.length, 12)
  offsets.writeUInt32BE(32 + after.length + table.length, 16)
  return element('mAB ', channels(0), offsets, after, table, before)
}

/** A profile for print with a table from CMYK to Lab, and other elements. */
export function makeCmykProfile(table: Buffer, elements: Record<string, Buffer> = {}): Buffer {
  const none = {
    rXYZ: undefined,
    gXYZ: undefined,
    bXYZ: undefined,
    rTRC: undefined,
    gTRC: undefined,
    bTRC: undefined,
  }
  const profile = makeProfile({
    space: 'CMYK',
    connection: 'Lab ',
    elements: { ...none, A2B0: table, ...elements },
  })
  profile.write('prtr', 12, 'latin1')
  return profile
}
