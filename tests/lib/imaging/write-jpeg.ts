/**
 * Writes JPEG of random coefficients in the kinds that sharp cannot write: any sampling, restart intervals, 16-bit
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
}

type Component = {
  id: number
  h: number
  v: number
  blocksWide: number
  blocksHigh: number
  paddedWide: number
  blocks: Int16Array[]
}
type Bits = {
  put(value: number, count: number): void
  flush(): void
  bytes: number[]
  restart(n: number): void
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

/** 100 symbols have codes of 8 bits, the others of 16. */
const SHORT_CODES = 100
const LENGTHS = [0, 0, 0, 0, 0, 0, 0, SHORT_CODES, 0, 0, 0, 0, 0, 0, 0, 256 - SHORT_CODES]
const ORDER = Array.from({ length: 256 }, (_, i) => (i * 37) & 255)
const PLACE = ORDER.reduce((places, symbol, i) => places.with(symbol, i), new Array<number>(256).fill(0))
const DC_TABLE = [0x00, 0, 0, 0, 12, ...new Array(12).fill(0), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]

function putSymbol(bits: Bits, symbol: number): void {
  const place = PLACE[symbol] ?? 0
  if (place < SHORT_CODES) bits.put(place, 8)
  else bits.put((SHORT_CODES << 8) + place - SHORT_CODES, 16)
}

const sizeOf = (value: number) => 32 - Math.clz32(Math.abs(value))

const putValue = (bits: Bits, value: number) =>
  bits.put(value < 0 ? value + (1 << sizeOf(value)) - 1 : value, sizeOf(value))

const factorsOf = (sampling: string) =>
  sampling.split(' ').map((factors) => factors.split('x').map(Number) as [h: number, v: number])

export function writeJpeg(kind: JpegKind): Buffer {
  const { width, height, progressive = false, adobe, restart } = kind
  const random = generator(kind.seed ?? 1)
  const components = layOut(kind, random)
  const wide = kind.wideQuantisers ?? false
  const quantisers = Array.from({ length: 64 }, (_, k) => 1 + random(wide && k > 40 ? 600 : 12))
  const frame = components.flatMap(({ id, h, v }) => [id, (h << 4) | v, 0])
  const head = [
    ...[0xff, 0xd8],
    ...(adobe === undefined ? [] : segment(0xee, [...Buffer.from('Adobe'), 0, 100, 0, 0, 0, 0, adobe])),
    ...segment(0xdb, wide ? [0x10, ...quantisers.flatMap(u16)] : [0, ...quantisers]),
    ...segment(progressive ? 0xc2 : 0xc1, [8, ...u16(height), ...u16(width), components.length, ...frame]),
    ...segment(0xc4, [...DC_TABLE, 0x10, ...LENGTHS, ...ORDER]),
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

/** Blocks of a soft picture with a little of everything: few coefficients, smaller the higher they are. */
function layOut({ width, height, sampling, flat }: JpegKind, random: (below: number) => number): Component[] {
  const factors = factorsOf(sampling)
  const hMax = Math.max(...factors.map(([h]) => h))
  const vMax = Math.max(...factors.map(([, v]) => v))
  return factors.map(([h, v], i) => {
    const paddedWide = Math.ceil(width / (8 * hMax)) * h
    const paddedHigh = Math.ceil(height / (8 * vMax)) * v
    const blocks = Array.from({ length: paddedWide * paddedHigh }, () => {
      const block = new Int16Array(64)
      block[0] = flat && i > 0 ? 9 * i : random(100) - 50
      for (let n = flat ? 0 : random(12); n > 0; n--) {
        const k = 1 + random(random(4) === 0 ? 63 : 9)
        block[k] = random(Math.ceil(40 / k)) - Math.floor(20 / k)
      }
      return block
    })
    return {
      ...{ id: i + 1, h, v, paddedWide, blocks },
      blocksWide: Math.ceil(Math.ceil((width * h) / hMax) / 8),
      blocksHigh: Math.ceil(Math.ceil((height * v) / vMax) / 8),
    }
  })
}

type State = Map<Component, number>
type Put = (bits: Bits, member: Component, block: Int16Array, state: State) => void

function entropyCoded(
  { restart, width, height, sampling }: JpegKind,
  members: Component[],
  put: Put,
): number[] {
  const bits = openBits()
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

function openBits(): Bits {
  const bytes: number[] = []
  let [byte, count] = [0, 0]
  const put = (value: number, length: number) => {
    for (let i = length - 1; i >= 0; i--) {
      byte = (byte << 1) | ((value >> i) & 1)
      if (++count < 8) continue
      bytes.push(byte)
      if (byte === 255) bytes.push(0)
      byte = count = 0
    }
  }
  const flush = () => {
    while (count > 0) put(1, 1)
  }
  return {
    ...{ bytes, put, flush },
    restart: (n) => {
      flush()
      bytes.push(255, 0xd0 + (n & 7))
    },
  }
}

function putDifference(bits: Bits, member: Component, dc: number, state: State): void {
  const difference = dc - (state.get(member) ?? 0)
  state.set(member, dc)
  bits.put(sizeOf(difference), 4)
  putValue(bits, difference)
}

function putSequential(bits: Bits, member: Component, block: Int16Array, state: State): void {
  putDifference(bits, member, block[0] ?? 0, state)
  putAc(bits, block, [1, 63], 0)
}

function putDc(
  bits: Bits,
  member: Component,
  block: Int16Array,
  state: State,
  high: number,
  low: number,
): void {
  const dc = block[0] ?? 0
  if (high === 0) putDifference(bits, member, dc >> low, state)
  else bits.put((dc >> low) & 1, 1)
}

/** An AC coefficient without its lowest bits: towards zero, as annex G has it. */
const cut = (value: number, low: number) => Math.trunc(value / (1 << low))

function putAc(bits: Bits, block: Int16Array, [start, end]: [number, number], low: number): void {
  let run = 0
  for (let k = start; k <= end; k++) {
    const value = cut(block[k] ?? 0, low)
    if (value === 0) {
      run++
      continue
    }
    for (; run > 15; run -= 16) putSymbol(bits, 0xf0)
    putSymbol(bits, (run << 4) | sizeOf(value))
    putValue(bits, value)
    run = 0
  }
  if (run > 0) putSymbol(bits, 0x00)
}

function putRefinement(bits: Bits, block: Int16Array, [start, end]: [number, number], low: number): void {
  let run = 0
  let corrections: number[] = []
  const putCorrections = () => {
    for (const bit of corrections) bits.put(bit, 1)
    corrections = []
  }
  const isNew = (k: number) => Math.abs(cut(block[k] ?? 0, low)) === 1
  let lastNew = end
  while (lastNew >= start && !isNew(lastNew)) lastNew--
  for (let k = start; k <= end; k++) {
    const value = cut(block[k] ?? 0, low)
    if (Math.abs(value) > 1) {
      corrections.push(Math.abs(value) & 1)
      continue
    }
    if (value === 0) {
      run++
      if (run === 16 && k < lastNew) {
        putSymbol(bits, 0xf0)
        putCorrections()
        run = 0
      }
      continue
    }
    putSymbol(bits, (run << 4) | 1)
    bits.put(value > 0 ? 1 : 0, 1)
    putCorrections()
    run = 0
  }
  if (run > 0 || corrections.length > 0) {
    putSymbol(bits, 0x00)
    putCorrections()
  }
}
