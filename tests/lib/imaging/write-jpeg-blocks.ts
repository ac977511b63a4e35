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
  /** The codes of a DC size and of an AC symbol. */
  putSize(size: number): void
  putSymbol(symbol: number): void
  flush(): void
  bytes: number[]
  restart(n: number): void
}

/** The last DC of each component. */
export type State = Map<Component, number>

/** What DHT segments hold: how many codes there are of each length from 1 to 16, then the symbols. */
export type Tables = { dc: number[]; ac: number[] }

const counts = (lengths: Record<number, number>) => Array.from({ length: 16 }, (_, i) => lengths[i + 1] ?? 0)
const SIZES = Array.from({ length: 12 }, (_, size) => size)
/** All symbols; 0, the end of a block, is the first. */
const SYMBOLS = Array.from({ length: 256 }, (_, i) => (i * 37) & 255)

/** Differences have codes of 4 bits, 100 AC symbols of 8, the others of 16. */
export const EVEN_TABLES: Tables = {
  dc: [...counts({ 4: 12 }), ...SIZES],
  ac: [...counts({ 8: 100, 16: 156 }), ...SYMBOLS],
}

/** As optimised for flat pictures: a block that is as the one before takes 2 bits. */
export const FLAT_TABLES: Tables = {
  dc: [...counts({ 1: 1, 5: 11 }), ...SIZES],
  ac: [...counts({ 1: 1, 9: 100, 16: 155 }), ...SYMBOLS],
}

type Code = { code: number; length: number }

/** The code of each symbol of a table (T.81, annex C). */
function codesOf(table: readonly number[]): Code[] {
  const codes: Code[] = []
  let [code, at] = [0, 16]
  for (let length = 1; length <= 16; length++) {
    for (let n = table[length - 1] ?? 0; n > 0; n--) codes[table[at++] ?? 0] = { code: code++, length }
    code *= 2
  }
  return codes
}

export function openBits(tables: Tables): Bits {
  const [dc, ac] = [codesOf(tables.dc), codesOf(tables.ac)]
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
    putSize: (size) => put(dc[size]?.code ?? 0, dc[size]?.length ?? 0),
    putSymbol: (symbol) => put(ac[symbol]?.code ?? 0, ac[symbol]?.length ?? 0),
    restart: (n) => {
      flush()
      bytes.push(255, 0xd0 + (n & 7))
    },
  }
}

const sizeOf = (value: number) => 32 - Math.clz32(Math.abs(value))

const putValue = (bits: Bits, value: number) =>
  bits.put(value < 0 ? value + (1 << sizeOf(value)) - 1 : value, sizeOf(value))

function putDifference(bits: Bits, member: Component, dc: number, state: State): void {
  const difference = dc - (state.get(member) ?? 0)
  state.set(member, dc)
  bits.putSize(sizeOf(difference))
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
    for (; run > 15; run -= 16) bits.putSymbol(0xf0)
    bits.putSymbol((run << 4) | sizeOf(value))
    putValue(bits, value)
    run = 0
  }
  if (run > 0) bits.putSymbol(0x00)
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
        bits.putSymbol(0xf0)
        putCorrections()
        run = 0
      }
      continue
    }
    bits.putSymbol((run << 4) | 1)
    bits.put(value > 0 ? 1 : 0, 1)
    putCorrections()
    run = 0
  }
  if (run > 0 || corrections.length > 0) {
    bits.putSymbol(0x00)
    putCorrections()
  }
}
