import { transform } from './dct'
import { factorsOf } from './quantisers'
import { ORDER_BY_COLUMN } from './tables'

/** Tokens of a block at most: 64 coefficients and its end, 4 bytes each. */
export const BLOCK_BYTES: usize = 65 * 4

/** How often each symbol occurs, 256 of 32 bits for each of four tables: DC and AC of brightness, DC and AC of colours. */
export const histograms = memory.data(4096, 16)

const coefficients = memory.data(128, 16)
const sent = memory.data(128, 16)
const lastDc = memory.data(12, 16)

/** Where the next token goes: table (8 bits), symbol (8) and value (16), which are what is left to be sent. */
export let tokensEnd: usize = 0

const AC: u32 = 1 << 24
const SIXTEEN_ZEROS: u32 = 0xf0 << 16

export function openTokens(at: usize): void {
  tokensEnd = at
  memory.fill(histograms, 0, 4096)
  memory.fill(lastDc, 0, 12)
}

/** Turns the block of a component (0 brightness, 1 and 2 colours) into tokens (T.81, F.1.2). */
export function encodeBlock(at: usize, stride: usize, component: usize): void {
  const colours = <usize>(component > 0)
  let some = transform(at, stride, factorsOf(colours), coefficients)
  let order: u64 = 0
  for (some &= ~1; some != 0; some &= some - 1) {
    const place = <usize>ctz(some)
    const n = <usize>load<u8>(ORDER_BY_COLUMN + place)
    store<i16>(sent + (n << 1), load<i16>(coefficients + (place << 1)))
    order |= (<u64>1) << n
  }
  const table = (<u32>colours) << 25
  const dc = <i32>load<i16>(coefficients)
  putValue(table, dc - load<i32>(lastDc + (component << 2)))
  store<i32>(lastDc + (component << 2), dc)
  let last = 0
  for (; order != 0; order &= order - 1) {
    const n = <i32>ctz(order)
    let zeros = n - last - 1
    for (; zeros > 15; zeros -= 16) put(table | AC | SIXTEEN_ZEROS)
    putValue(table | AC | (zeros << 20), load<i16>(sent + ((<usize>n) << 1)))
    last = n
  }
  if (last < 63) put(table | AC)
}

/** Fills a unit up with a block of brightness that nobody sees: as the last one, without detail. */
export function encodeNothing(): void {
  put(0)
  put(AC)
}

/** A value follows its size, which is part of the symbol; negative ones are sent less 1. */
function putValue(token: u32, value: i32): void {
  const size = 32 - clz(abs(value))
  put(token | (size << 16) | ((value + (value >> 31)) & ((1 << size) - 1)))
}

function put(token: u32): void {
  store<u32>(tokensEnd, token)
  tokensEnd += 4
  const count = histograms + ((<usize>(token >> 16)) << 2)
  store<u32>(count, load<u32>(count) + 1)
}
