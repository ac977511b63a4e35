import { cmsFLAGS_NOOPTIMIZE, INTENT_PERCEPTUAL, instantiate, type Lcms } from 'lcms-wasm'
import type { EmbeddedProfile } from '../headers/header.ts'
import { readWasm } from '../wasm/compile.ts'
import { isBoundedTable } from './lut.ts'
import { type Profile, readProfile } from './profile.ts'

/** Nodes a side of the table that `wasm/colour/inks.ts` reads. */
const NODES = 17

/** The colour of each node in sRGB: red, green, blue and alpha, 0 to 255, and beyond where sRGB ends. */
export type InkTable = Float32Array<ArrayBuffer>

let lcms: Lcms | undefined

/** The last profile that made a table, with that table: photos of one press follow each other. */
let last: { bytes: Buffer; table: InkTable } | undefined

/** Loads lcms, 20 ms, once in a thread: before the first `readInkTable`. */
export async function readyLcms(): Promise<void> {
  lcms ??= await instantiate({ wasmBinary: await readWasm('lcms-wasm/dist/lcms.wasm') })
}

/**
 * The colours of inks as Adobe stores them in JPEG, inverted, by the tables of a CMYK profile; undefined where that is damaged,
 * or of a kind whose work has no bound.
 */
export function readInkTable(source: Buffer, icc: EmbeddedProfile): InkTable | undefined {
  const profile = readProfile(source, icc)
  if (!lcms || !profile || !isBounded(profile)) return undefined
  if (last?.bytes.equals(profile.bytes)) return last.table
  try {
    const table = makeTable(lcms, profile.bytes)
    if (table) last = { bytes: Buffer.from(profile.bytes), table }
    return table
  } catch {
    // Aborted: this instance is of no use any more.
    lcms = undefined
    return undefined
  }
}

const isBounded = ({ tag }: Profile): boolean =>
  tag('A2B0') !== undefined &&
  ['A2B0', 'A2B1', 'A2B2'].every((signature) => isBoundedTable(tag(signature), 4, 3)) &&
  // Pipelines of any length (multiProcessElementsType), which lcms would rather take.
  ['D2B0', 'D2B1', 'D2B2', 'D2B3'].every((signature) => tag(signature) === undefined)

function makeTable(lcms: Lcms, bytes: Buffer): InkTable | undefined {
  const from = lcms.cmsOpenProfileFromMem(bytes, bytes.length)
  if (!from) return undefined
  const to = lcms.cmsCreate_sRGBProfile()
  const formatOf = (profile: number) => lcms.cmsFormatterForColorspaceOfProfile(profile, 4, 1)
  // Not optimised: lcms would first make a table of its own, of 23 nodes a side.
  const transform = lcms.cmsCreateTransform(
    from,
    formatOf(from),
    to,
    formatOf(to),
    INTENT_PERCEPTUAL,
    cmsFLAGS_NOOPTIMIZE,
  )
  const colours = transform ? lcms.cmsDoTransform(transform, allNodes(), NODES ** 4) : undefined
  if (transform) lcms.cmsDeleteTransform(transform)
  for (const profile of [from, to]) lcms._cmsCloseProfile(profile)
  if (!colours) return undefined
  const table = new Float32Array(4 * NODES ** 4).fill(255)
  for (let node = 0; node < NODES ** 4; node++) {
    for (let channel = 0; channel < 3; channel++)
      table[4 * node + channel] = 255 * (colours[3 * node + channel] as number)
  }
  return table
}

/** The inks of every node in percent: none where Adobe stores the most. */
const allNodes = (): Float32Array =>
  Float32Array.from({ length: 4 * NODES ** 4 }, (_, i) => {
    const step = Math.floor((i >> 2) / NODES ** (3 - (i & 3))) % NODES
    return 100 - (step * 100) / (NODES - 1)
  })
