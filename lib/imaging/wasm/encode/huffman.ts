/** The symbols of a table, how many codes there are of each length, and the code of each symbol (T.81, annexes C and K.2). */

const SYMBOLS = 256
const MAX_LENGTH: usize = 16

/**
 * The longest code before `shorten`: one of n bits takes as many occurrences as the Fibonacci number n + 2, and 32 bits
 * count fewer than the 48th.
 */
const LONGEST: usize = 46

/** Occurrences by symbol, one more that no symbol gets: the code of ones only must not be used. */
const frequencies = memory.data(4 * (SYMBOLS + 1), 16)
const lengths = memory.data(SYMBOLS + 1)
/** The next symbol of those whose codes share a branch, or -1. */
const others = memory.data(2 * (SYMBOLS + 1), 16)
const counts = memory.data(64)

/**
 * The shortest codes for symbols that occur so often (`histogram`, 256 of 32 bits): stores `code | length << 16` for
 * each at `codes`, and the table as a file holds it at `to`; returns where it ends.
 */
export function makeTable(histogram: usize, codes: usize, to: usize): usize {
  memory.copy(frequencies, histogram, 4 * SYMBOLS)
  store<u32>(frequencies, 1, 4 * SYMBOLS)
  memory.fill(lengths, 0, SYMBOLS + 1)
  memory.fill(others, 0xff, 2 * (SYMBOLS + 1))
  memory.fill(counts, 0, 64)
  join()
  for (let symbol = 0; symbol <= SYMBOLS; symbol++) {
    const length = <usize>load<u8>(lengths + symbol)
    if (length > 0) store<u8>(counts + length, load<u8>(counts + length) + 1)
  }
  shorten()
  return writeTable(codes, to)
}

/** Joins the two rarest branches until one is left (figure K.1). */
function join(): void {
  for (;;) {
    const rare = findRarest(-1)
    const second = findRarest(rare)
    if (second < 0) return
    store<u32>(frequencies + ((<usize>rare) << 2), frequency(rare) + frequency(second))
    store<u32>(frequencies + ((<usize>second) << 2), 0)
    const last = lengthen(rare)
    store<i16>(others + ((<usize>last) << 1), <i16>second)
    lengthen(second)
  }
}

function frequency(symbol: i32): u32 {
  return load<u32>(frequencies + ((<usize>symbol) << 2))
}

/** Of equally rare ones the last. */
function findRarest(besides: i32): i32 {
  let found = -1
  let least: u32 = 0xffffffff
  for (let symbol = 0; symbol <= SYMBOLS; symbol++) {
    const each = frequency(symbol)
    if (each > 0 && each <= least && symbol != besides) {
      found = symbol
      least = each
    }
  }
  return found
}

/** Makes the codes of a branch one bit longer; returns its last symbol. */
function lengthen(symbol: i32): i32 {
  let last = symbol
  for (; symbol >= 0; symbol = <i32>load<i16>(others + ((<usize>symbol) << 1))) {
    store<u8>(lengths + symbol, load<u8>(lengths + symbol) + 1)
    last = symbol
  }
  return last
}

/** Brings codes of more than 16 bits up (figure K.3) and takes the one of ones only away. */
function shorten(): void {
  let length = LONGEST
  for (; length > MAX_LENGTH; length--) {
    while (load<u8>(counts + length) > 0) {
      let shorter = length - 2
      while (load<u8>(counts + shorter) == 0) shorter--
      store<u8>(counts + length, load<u8>(counts + length) - 2)
      store<u8>(counts + length - 1, load<u8>(counts + length - 1) + 1)
      store<u8>(counts + shorter + 1, load<u8>(counts + shorter + 1) + 2)
      store<u8>(counts + shorter, load<u8>(counts + shorter) - 1)
    }
  }
  while (load<u8>(counts + length) == 0) length--
  store<u8>(counts + length, load<u8>(counts + length) - 1)
}

/** Symbols by length (figure K.4), with codes that count up (figure C.2). */
function writeTable(codes: usize, to: usize): usize {
  memory.copy(to, counts + 1, MAX_LENGTH)
  to += MAX_LENGTH
  const first = to
  for (let length: u8 = 1; length <= <u8>LONGEST; length++) {
    for (let symbol = 0; symbol < SYMBOLS; symbol++) {
      if (load<u8>(lengths + symbol) == length) store<u8>(to++, symbol)
    }
  }
  let code: u32 = 0
  let at = first
  for (let length: usize = 1; length <= MAX_LENGTH; length++) {
    for (let left = load<u8>(counts + length); left > 0; left--) {
      store<u32>(codes + ((<usize>load<u8>(at++)) << 2), code++ | ((<u32>length) << 16))
    }
    code <<= 1
  }
  return to
}
