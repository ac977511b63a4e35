import {
  type Bits,
  type Component,
  EVEN_TABLES,
  FLAT_TABLES,
  openBits,
  putAc,
  putDc,
  putRefinement,
  putSequential,
  type State,
} from './write-jpeg-blocks.ts'
import { picturedBlocks } from './write-jpeg-picture.ts'

/**
 * Writes JPEG of random coefficients, or of a picture, in the kinds that sharp cannot write: any sampling, restart intervals, 16-bit
 * quantisation, a scan for each component, progressive in all four kinds of scans. See ITU-T T.81, annexes B, F and G.
 */
export type JpegKind = {
  width: number
  height: number
  /** Horizontal and vertical factors of each component, as `2x2 1x1 1x1`. */
  sampling: string
  /** Units between restart markers; none when undefined. */
  restart?: number
  progressive?: boolean
  /** A scan for each component, also where one could do. */
  separate?: boolean
  wideQuantisers?: boolean
  /** Blocks of one colour each, which differ in brightness only: what all scales show the same. */
  flat?: boolean
  adobe?: number
  seed?: number
  /** RGB; random blocks when undefined. */
  pixels?: Buffer
  /** The shortest codes for blocks that are as the one before. */
  flatTables?: boolean
}

/** The generator of Park and Miller: the same picture for the same seed. */
function generator(seed: number) {
  let state = seed % 2_147_483_647 || 1
  return (below: number) => {
    state = (state * 48_271) % 2_147_483_647
    return state % below
  }
}

const segment = (marker: number, content: number[]) => [
  ...[0xff, marker, (content.length + 2) >> 8, (content.length + 2) & 255],
  ...content,
]
const u16 = (value: number) => [value >> 8, value & 255]

const factorsOf = (sampling: string) =>
  sampling.split(' ').map((factors) => factors.split('x').map(Number) as [h: number, v: number])

export function writeJpeg(kind: JpegKind): Buffer {
  const { width, height, progressive = false, adobe, restart } = kind
  const random = generator(kind.seed ?? 1)
  const tables = kind.flatTables ? FLAT_TABLES : EVEN_TABLES
  const wide = kind.wideQuantisers ?? false
  const quantisers = Array.from({ length: 64 }, (_, k) => 1 + random(wide && k > 40 ? 600 : 12))
  const components = layOut(kind, quantisers, random)
  const frame = components.flatMap(({ id, h, v }) => [id, (h << 4) | v, 0])
  const head = [
    ...[0xff, 0xd8],
    ...(adobe === undefined ? [] : segment(0xee, [...Buffer.from('Adobe'), 0, 100, 0, 0, 0, 0, adobe])),
    ...segment(0xdb, wide ? [0x10, ...quantisers.flatMap(u16)] : [0, ...quantisers]),
    ...segment(progressive ? 0xc2 : 0xc1, [8, ...u16(height), ...u16(width), components.length, ...frame]),
    ...segment(0xc4, [0x00, ...tables.dc, 0x10, ...tables.ac]),
    ...(restart === undefined ? [] : segment(0xdd, u16(restart))),
  ]
  const scan = (members: Component[], band: [number, number], high: number, low: number) => [
    ...segment(0xda, [members.length, ...members.flatMap(({ id }) => [id, 0]), ...band, (high << 4) | low]),
    ...entropyCoded(kind, members, (bits, member, block, state) => {
      if (!progressive) putSequential(bits, member, block, state)
      else if (band[0] === 0) putDc(bits, member, block, state, high, low)
      else if (high === 0) putAc(bits, block, band, low)
      else putRefinement(bits, block, band, low)
    }),
  ]
  const each = (band: [number, number], high: number, low: number) =>
    components.flatMap((member) => scan([member], band, high, low))
  const body = progressive
    ? [
        ...(kind.separate ? each([0, 0], 0, 1) : scan(components, [0, 0], 0, 1)),
        ...each([1, 5], 0, 2),
        ...each([6, 63], 0, 2),
        ...each([1, 63], 2, 1),
        ...(kind.separate ? each([0, 0], 1, 0) : scan(components, [0, 0], 1, 0)),
        ...each([1, 63], 1, 0),
      ]
    : kind.separate
      ? each([0, 63], 0, 0)
      : scan(components, [0, 63], 0, 0)
  return Buffer.from([...head, ...body, 0xff, 0xd9])
}

function layOut(
  kind: JpegKind,
  quantisers: readonly number[],
  random: (below: number) => number,
): Component[] {
  const { width, height, sampling, pixels } = kind
  const factors = factorsOf(sampling)
  const hMax = Math.max(...factors.map(([h]) => h))
  const vMax = Math.max(...factors.map(([, v]) => v))
  return factors.map(([h, v], i) => {
    const paddedWide = Math.ceil(width / (8 * hMax)) * h
    const paddedHigh = Math.ceil(height / (8 * vMax)) * v
    const blocks = pixels
      ? picturedBlocks(
          { width, height, pixels },
          i,
          [hMax / h, vMax / v],
          [paddedWide, paddedHigh],
          quantisers,
        )
      : Array.from({ length: paddedWide * paddedHigh }, () => randomBlock(kind, i, random))
    return {
      ...{ id: i + 1, h, v, paddedWide, blocks },
      blocksWide: Math.ceil(Math.ceil((width * h) / hMax) / 8),
      blocksHigh: Math.ceil(Math.ceil((height * v) / vMax) / 8),
    }
  })
}

/** A block of a soft picture with a little of everything: few coefficients, smaller the higher they are. */
function randomBlock({ flat }: JpegKind, component: number, random: (below: number) => number): Int16Array {
  const block = new Int16Array(64)
  block[0] = flat && component > 0 ? 9 * component : random(100) - 50
  for (let n = flat ? 0 : random(12); n > 0; n--) {
    const k = 1 + random(random(4) === 0 ? 63 : 9)
    block[k] = random(Math.ceil(40 / k)) - Math.floor(20 / k)
  }
  return block
}

type Put = (bits: Bits, member: Component, block: Int16Array, state: State) => void

function entropyCoded(
  { restart, width, height, sampling, flatTables }: JpegKind,
  members: Component[],
  put: Put,
): number[] {
  const bits = openBits(flatTables ? FLAT_TABLES : EVEN_TABLES)
  const [alone] = members.length === 1 ? members : []
  const factors = factorsOf(sampling)
  const hMax = Math.max(...factors.map(([h]) => h))
  const vMax = Math.max(...factors.map(([, v]) => v))
  // A component that is the only one of the picture has no units but its blocks.
  const wide = alone ? alone.blocksWide : Math.ceil(width / (8 * hMax))
  const high = alone ? alone.blocksHigh : Math.ceil(height / (8 * vMax))
  let state: State = new Map()
  for (let unit = 0; unit < wide * high; unit++) {
    if (restart && unit > 0 && unit % restart === 0) {
      bits.restart(unit / restart - 1)
      state = new Map()
    }
    const column = unit % wide
    const row = Math.floor(unit / wide)
    for (const member of members) {
      const [h, v] = alone ? [1, 1] : [member.h, member.v]
      for (let y = row * v; y < (row + 1) * v; y++)
        for (let x = column * h; x < (column + 1) * h; x++)
          put(bits, member, member.blocks[y * member.paddedWide + x] as Int16Array, state)
    }
  }
  bits.flush()
  return bits.bytes
}
