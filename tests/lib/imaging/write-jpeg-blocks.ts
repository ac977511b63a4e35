/** How the blocks of `write-jpeg.ts` are written: codes, and the coefficients of each kind of scan (T.81, annexes F and G). */

export type Component = {
  id: number
  h: number
  v: number
  blocksWide: number
  blocksHigh: number
  paddedWide: number
  blocks: Int16Array[]
}

export type Bits = {
  put(value: number, count: number): void
  flush(): void
  bytes: number[]
  restart(n: number): void
}

/** The last DC of each component. */
export type State = Map<Component, number>

/** 100 symbols have codes of 8 bits, the others of 16. */
const SHORT_CODES = 100
export const LENGTHS = [0, 0, 0, 0, 0, 0, 0, SHORT_CODES, 0, 0, 0, 0, 0, 0, 0, 256 - SHORT_CODES]
export const ORDER = Array.from({ length: 256 }, (_, i) => (i * 37) & 255)
const PLACE = ORDER.reduce((places, symbol, i) => places.with(symbol, i), new Array<number>(256).fill(0))
export const DC_TABLE = [0x00, 0, 0, 0, 12, ...new Array(12).fill(0), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]

export function openBits(): Bits {
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

function putSymbol(bits: Bits, symbol: number): void {
  const place = PLACE[symbol] ?? 0
  if (place < SHORT_CODES) bits.put(place, 8)
  else bits.put((SHORT_CODES << 8) + place - SHORT_CODES, 16)
}

const sizeOf = (value: number) => 32 - Math.clz32(Math.abs(value))

const putValue = (bits: Bits, value: number) =>
  bits.put(value < 0 ? value + (1 << sizeOf(value)) - 1 : value, sizeOf(value))

function putDifference(bits: Bits, member: Component, dc: number, state: State): void {
  const difference = dc - (state.get(member) ?? 0)
  state.set(member, dc)
  bits.put(sizeOf(difference), 4)
  putValue(bits, difference)
}

export function putSequential(bits: Bits, member: Component, block: Int16Array, state: State): void {
  putDifference(bits, member, block[0] ?? 0, state)
  putAc(bits, block, [1, 63], 0)
}

export function putDc(
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

export function putAc(bits: Bits, block: Int16Array, [start, end]: [number, number], low: number): void {
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

export function putRefinement(
  bits: Bits,
  block: Int16Array,
  [start, end]: [number, number],
  low: number,
): void {
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
