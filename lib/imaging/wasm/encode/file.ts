import { allocate, extend } from '../core/memory'
import { histograms } from './blocks'
import { makeTable } from './huffman'
import { quantisersOf } from './quantisers'
import { ORDER_BY_COLUMN } from './tables'

/** Code and its length for each symbol of the four tables. */
const codes = memory.data(4096, 16)

const HEADER_BYTES: usize = 2048

let end: usize = 0

/** Writes the whole file of tokens (T.81, annex B: JFIF, one frame of three components, one scan) and returns where it is, 0 when there is no such memory. */
export function writeFile(width: i32, height: i32, step: i32, tokens: usize, tokensEnd: usize): usize {
  const start = allocate(HEADER_BYTES)
  if (start == 0) return 0
  end = start
  writeHeader(width, height, step)
  // Every byte may need a zero behind it.
  if (!extend(end + (countBits() >> 2) + 64)) return 0
  writeBits(tokens, tokensEnd)
  byte(0xff)
  byte(0xd9)
  return start
}

/** The end of what was written. */
export function fileEnd(): usize {
  return end
}

function byte(value: i32): void {
  store<u8>(end++, value)
}

function segment(marker: i32, length: i32): void {
  byte(0xff)
  byte(marker)
  byte((length + 2) >> 8)
  byte(length + 2)
}

function writeHeader(width: i32, height: i32, step: i32): void {
  byte(0xff)
  byte(0xd8)
  segment(0xe0, 14)
  // "JFIF", 0, version 1.1, no unit, pixels that are square.
  store<u64>(end, 0x00_01_01_00_46_49_46_4a)
  store<u64>(end, 0x00_00_01_00_01_00, 8)
  end += 14
  for (let table: usize = 0; table < 2; table++) {
    segment(0xdb, 65)
    byte(<i32>table)
    for (let i: usize = 0; i < 64; i++) {
      const place = <usize>load<u8>(ORDER_BY_COLUMN + ((i & 7) << 3) + (i >> 3))
      store<u8>(end + place, load<u8>(quantisersOf(table) + i))
    }
    end += 64
  }
  segment(0xc0, 15)
  byte(8)
  byte(height >> 8)
  byte(height)
  byte(width >> 8)
  byte(width)
  byte(3)
  for (let component = 1; component <= 3; component++) {
    byte(component)
    byte(component == 1 ? step * 0x11 : 0x11)
    byte(<i32>(component > 1))
  }
  for (let table = 0; table < 4; table++) {
    const at = end
    end += 5
    end = makeTable(histograms + (table << 10), codes + (table << 10), end)
    const next = end
    end = at
    segment(0xc4, <i32>(next - at) - 4)
    byte(((table & 1) << 4) | (table >> 1))
    end = next
  }
  segment(0xda, 10)
  byte(3)
  for (let component = 1; component <= 3; component++) {
    byte(component)
    byte(component == 1 ? 0 : 0x11)
  }
  byte(0)
  byte(63)
  byte(0)
}

function countBits(): usize {
  let bits: usize = 0
  for (let i: usize = 0; i < 1024; i++) {
    const length = <usize>(load<u32>(codes + (i << 2)) >> 16) + (i & 15)
    bits += <usize>load<u32>(histograms + (i << 2)) * length
  }
  return bits
}

/** Codes and values, the last byte filled with ones; after a byte of ones a zero (T.81, F.1.2.3). */
function writeBits(tokens: usize, tokensEnd: usize): void {
  let to = end
  let window: u64 = 0
  let used = 0
  for (let at = tokens; at < tokensEnd; at += 4) {
    const token = load<u32>(at)
    const code = load<u32>(codes + ((token >> 16) << 2))
    const size = (token >> 16) & 15
    const length = (code >> 16) + size
    window = (window << length) | (((code & 0xffff) << size) | (token & 0xffff))
    used += length
    if (used < 32) continue
    used -= 32
    const word = <u32>(window >> used)
    if ((word & 0x80808080 & ~(word + 0x01010101)) == 0) {
      store<u32>(to, bswap(word))
      to += 4
    } else {
      for (let shift = 24; shift >= 0; shift -= 8) to = stuffed(to, word >> shift)
    }
  }
  for (; used > 0; used -= 8) {
    const rest = used >= 8 ? window >> (used - 8) : (window << (8 - used)) | (0xff >> used)
    to = stuffed(to, <u32>rest)
  }
  end = to
}

function stuffed(to: usize, value: u32): usize {
  store<u8>(to, value)
  if ((value & 0xff) != 0xff) return to + 1
  store<u8>(to, 0, 1)
  return to + 2
}
