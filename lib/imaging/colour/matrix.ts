import { readCurve } from './curves.ts'
import type { Profile } from './profile.ts'

/**
 * Multiplied with XYZ under D50, as profiles have it, gives linear sRGB: the inverse of what the profiles of sRGB IEC61966-2.1
 * that cameras and programs write have as rXYZ, gXYZ and bXYZ, so that these are found to be sRGB.
 */
const XYZ_TO_SRGB = [
  [3.1341122, -1.6173925, -0.4906334],
  [-0.9787873, 1.9162796, 0.0334547],
  [0.071983, -0.2289859, 1.4053851],
] as const

/** D50, which white is in profiles (ICC.1:2022, 7.2.16). */
const WHITE = [0.9642, 1, 0.8249] as const

/** How many times more or less of X, Y and Z the white of a profile may have. */
const MOST_WHITE = 2

/** The Y of L* 50: what is lighter is not taken for black. */
const LIGHTEST_BLACK = 0.1842

/** The most that a channel can sensibly add to another; with it sums of three stay within 32 bits. */
const MOST_FACTOR = 16

/** Full light is the last step of so many, each of them with `STEP_BITS` bits behind its point (`wasm/colour/convert.ts`). */
const STEPS = 8192
const STEP_BITS = 12
const FULL_LIGHT = (STEPS - 1) << STEP_BITS

/**
 * What each byte of red, then of green, then of blue adds to a pixel in linear sRGB (IEC 61966-2-1), in parts of
 * `FULL_LIGHT`: four numbers for each, of which the last is 0.
 */
export type LinearTables = Int32Array<ArrayBuffer>

/** The tables of a profile with a matrix and tone curves (ICC.1:2022, F.3); undefined where it has none, or damaged ones. */
export function readMatrix({ bytes, tag }: Profile): LinearTables | undefined {
  if (bytes.toString('latin1', 20, 24) !== 'XYZ ') return undefined
  const columns = ['rXYZ', 'gXYZ', 'bXYZ'].map((signature) => readXyz(tag(signature)))
  const curves = ['rTRC', 'gTRC', 'bTRC'].map((signature) => readCurve(tag(signature)))
  if (!columns.every((column) => column !== undefined) || !isNearWhite(columns)) return undefined
  if (!curves.every((curve) => curve !== undefined)) return undefined
  const black = blackOf(columns, curves)
  const tables = new Int32Array(3 * 256 * 4)
  for (const [channel, [x, y, z]] of columns.entries()) {
    for (const [output, [ofX, ofY, ofZ]] of XYZ_TO_SRGB.entries()) {
      const factor = ofX * x + ofY * y + ofZ * z
      if (Math.abs(factor) > MOST_FACTOR) return undefined
      const offset = channel === 0 ? black : 0
      for (const [value, light] of curves[channel]?.entries() ?? []) {
        const share = (factor * light - offset) / (1 - black)
        tables[(channel * 256 + value) * 4 + output] = Math.round(share * FULL_LIGHT)
      }
    }
  }
  return tables
}

type Xyz = readonly [x: number, y: number, z: number]

/** An XYZ element: numbers with 16 bits behind the point (ICC.1:2022, 10.31). */
function readXyz(element: Buffer | undefined): Xyz | undefined {
  if (!element || element.length < 20 || element.toString('latin1', 0, 4) !== 'XYZ ') return undefined
  const [x, y, z] = [8, 12, 16].map((at) => element.readInt32BE(at) / 65_536) as [number, number, number]
  return [x, y, z]
}

/** Whether red, green and blue together are some kind of white. */
const isNearWhite = (columns: Xyz[]): boolean =>
  WHITE.every((white, i) => {
    const share = columns.reduce((sum, column) => sum + (column[i] ?? 0), 0) / white
    return share >= 1 / MOST_WHITE && share <= MOST_WHITE
  })

/** The Y of black, which becomes 0: black point compensation, as lcms does it (ISO 18619). */
function blackOf(columns: Xyz[], curves: Float64Array[]): number {
  const y = columns.reduce((sum, [, column], i) => sum + column * (curves[i]?.[0] ?? 0), 0)
  return y > 0 && y <= LIGHTEST_BLACK ? y : 0
}

/** Linear light, 0 to 1, as a byte of sRGB, not rounded. */
function encode(light: number): number {
  const clipped = Math.min(1, Math.max(0, light))
  return 255 * (clipped <= 0.0031308 ? 12.92 * clipped : 1.055 * clipped ** (1 / 2.4) - 0.055)
}

/** Whether no colour changes by half a level: the greys and a grid of colours are tried. */
export function isSrgb(tables: LinearTables): boolean {
  const isKept = (...pixel: [number, number, number]) =>
    pixel.every((value, output) => {
      const light = pixel.reduce(
        (sum, byte, channel) => sum + (tables[(channel * 256 + byte) * 4 + output] ?? 0),
        0,
      )
      return Math.abs(encode(light / FULL_LIGHT) - value) < 0.5
    })
  const steps = [0, 51, 102, 153, 204, 255]
  for (let grey = 0; grey < 256; grey++) if (!isKept(grey, grey, grey)) return false
  return steps.every((red) => steps.every((green) => steps.every((blue) => isKept(red, green, blue))))
}

/** The byte of sRGB of each step of light. */
export const bytesOfLight = (): Uint8Array<ArrayBuffer> =>
  Uint8Array.from({ length: STEPS }, (_, step) => Math.round(encode(step / (STEPS - 1))))
