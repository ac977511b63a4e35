/** What becomes of a stored value, 0 to 1; linear light, 0 to 1 too. */
type Curve = (value: number) => number

/**
 * A tone curve (`curv` or `para`, ICC.1:2022, 10.6 and 10.18) at the 256 values that a byte has, 0 to 1; undefined where it
 * is damaged or does not rise.
 */
export function readCurve(element: Buffer | undefined): Float64Array | undefined {
  const curve = element && readers[element.toString('latin1', 0, 4)]?.(element)
  if (!curve) return undefined
  // What lies outside of 0 to 1 is clipped to it (10.18).
  const values = Float64Array.from({ length: 256 }, (_, i) => Math.min(1, Math.max(0, curve(i / 255))))
  const rises = (values[255] as number) > (values[0] as number)
  return rises && values.every(Number.isFinite) ? values : undefined
}

/** Nothing is the identity, one value an exponent (8 bits behind the point), more are samples of 16 bits. */
function readTable(element: Buffer): Curve | undefined {
  if (element.length < 12) return undefined
  const count = element.readUInt32BE(8)
  if (count === 0) return (value) => value
  if (element.length < 12 + 2 * count) return undefined
  if (count === 1) {
    const gamma = element.readUInt16BE(12) / 256
    return (value) => value ** gamma
  }
  const sample = (index: number) => element.readUInt16BE(12 + 2 * index) / 65_535
  return (value) => {
    const at = value * (count - 1)
    const index = Math.min(count - 2, Math.floor(at))
    return sample(index) + (sample(index + 1) - sample(index)) * (at - index)
  }
}

/** How many parameters each type of formula has. */
const PARAMETERS = [1, 3, 4, 5, 7]

/** The types 0 to 4 of ICC.1, table 68; parameters have 16 bits behind the point. */
function readFormula(element: Buffer): Curve | undefined {
  const type = element.length < 12 ? -1 : element.readUInt16BE(8)
  const count = PARAMETERS[type]
  if (!count || element.length < 12 + 4 * count) return undefined
  const parameter = (index: number) => (index < count ? element.readInt32BE(12 + 4 * index) / 65_536 : 0)
  const [g, a, b, c, d, e, f] = Array.from({ length: 7 }, (_, i) => parameter(i)) as Parameters7
  const power = (value: number) => Math.max(0, a * value + b) ** g
  if (type === 0) return (value) => value ** g
  if (type === 1) return (value) => (value >= -b / a ? power(value) : 0)
  if (type === 2) return (value) => (value >= -b / a ? power(value) : 0) + c
  return (value) => (value >= d ? power(value) + e : c * value + f)
}

type Parameters7 = [number, number, number, number, number, number, number]

const readers: Record<string, (element: Buffer) => Curve | undefined> = { curv: readTable, para: readFormula }
