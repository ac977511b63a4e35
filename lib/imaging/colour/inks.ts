import type { EmbeddedProfile } from '../headers/header.ts'
import { toSrgbByLcms } from './lcms.ts'
import { isBoundedTable } from './lut.ts'
import { type Profile, readProfile } from './profile.ts'

export { readyLcms } from './lcms.ts'

/** Nodes a side of the table that `wasm/colour/inks.ts` reads. */
const SIDE = 17

const NODES = SIDE ** 4

/** The colour of each node in sRGB: red, green, blue and alpha, 0 to 255, and beyond where sRGB ends. */
type InkTable = Float32Array<ArrayBuffer>

/** The last profile that made a table, with that table: photos of one press follow each other. */
let last: { bytes: Buffer; table: InkTable } | undefined

/**
 * The colours of inks as Adobe stores them in JPEG, inverted, by the tables of a CMYK profile; undefined where that is damaged,
 * or of a kind whose work has no bound. `readyLcms` must have come before.
 */
export function readInkTable(source: Buffer, icc: EmbeddedProfile): InkTable | undefined {
  const profile = readProfile(source, icc)
  if (!profile || !isBounded(profile)) return undefined
  if (last?.bytes.equals(profile.bytes)) return last.table
  const colours = toSrgbByLcms(profile.bytes, inksOfNodes(), 4)
  if (!colours) return undefined
  const table = new Float32Array(4 * NODES).fill(255)
  for (let node = 0; node < NODES; node++) {
    for (let channel = 0; channel < 3; channel++)
      table[4 * node + channel] = 255 * (colours[3 * node + channel] as number)
  }
  last = { bytes: profile.bytes, table }
  return table
}

const isBounded = ({ tag }: Profile): boolean =>
  tag('A2B0') !== undefined &&
  ['A2B0', 'A2B1', 'A2B2'].every((signature) => isBoundedTable(tag(signature), 4, 3)) &&
  // Pipelines of any length (multiProcessElementsType), which lcms would rather take.
  ['D2B0', 'D2B1', 'D2B2', 'D2B3'].every((signature) => tag(signature) === undefined)

/** The inks of every node in percent: none where Adobe stores the most. */
const inksOfNodes = (): Float32Array =>
  Float32Array.from({ length: 4 * NODES }, (_, i) => {
    const step = Math.floor((i >> 2) / SIDE ** (3 - (i & 3))) % SIDE
    return 100 - (step * 100) / (SIDE - 1)
  })
