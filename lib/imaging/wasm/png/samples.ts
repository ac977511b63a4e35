import { allocate } from '../core/memory'

/** Colour types (PNG, 11.2.1). */
const RGB: u32 = 2
const INDEXED: u32 = 3
const GREY_ALPHA: u32 = 4
const RGBA: u32 = 6

/**
 * How rows are stored, and what they become: 1 (grey), 3 (RGB) or 4 (RGBA) bytes a pixel. `table` is 0, or an address of
 *  - 256 RGBA pixels: the palette, or what grey of up to 8 bits stands for;
 *  - 3 numbers of 16 bits: the grey or the colour, as stored, that is transparent, where samples are not looked up.
 */
let colourType: u32 = 0
let depth: u32 = 0
let table: usize = 0
let line: usize = 0

/** Channels of what rows become. */
export let channels: u32 = 0

/** Takes over how rows of up to `width` pixels are stored; returns whether there was memory. */
export function openSamples(width: u32, type: u32, bits: u32, tableAddress: usize): bool {
  colourType = type
  depth = bits
  table = tableAddress
  if (table || type >= INDEXED) channels = 4
  else channels = type == RGB ? 3 : 1
  line = allocate(4 * <usize>width + 64)
  return line != 0 && (table != 0 || bits >= 8)
}

/** Bits of a pixel as stored. */
export function bitsPerPixel(type: u32, bits: u32): u32 {
  const samples: u32 = type == RGB ? 3 : type == GREY_ALPHA ? 2 : type == RGBA ? 4 : 1
  return samples * bits
}

/** Makes bytes of `channels` a pixel from a row as stored; it stays as it is where it has them already. */
export function toChannels(row: usize, pixels: u32): usize {
  if (depth == 16) {
    if (table) keyed(row, pixels, 2)
    else if (colourType == GREY_ALPHA) greyAlpha(row, pixels, 2)
    else highBytes(row, <usize>pixels * channels)
    return line
  }
  if (colourType == GREY_ALPHA) greyAlpha(row, pixels, 1)
  else if (table && colourType == RGB) keyed(row, pixels, 1)
  else if (table) lookUp(row, pixels)
  else return row
  return line
}

/** Samples of 16 bits become their first bytes, as libvips does it. */
function highBytes(row: usize, samples: usize): void {
  let to = line
  for (const end = to + samples; to < end; to += 16, row += 32) {
    const first = v128.load(row)
    const second = v128.load(row, 16)
    v128.store(to, v128.shuffle<u8>(first, second, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30))
  }
}

/** Pixels of a byte or less are found in the table. */
function lookUp(row: usize, pixels: u32): void {
  const end = line + ((<usize>pixels) << 2)
  if (depth == 8) {
    for (let to = line; to < end; to += 4, row++)
      store<u32>(to, load<u32>(table + ((<usize>load<u8>(row)) << 2)))
    return
  }
  const mask: u32 = (1 << depth) - 1
  let shift: u32 = 8
  for (let to = line; to < end; to += 4) {
    shift -= depth
    store<u32>(to, load<u32>(table + (((load<u8>(row) >> shift) & mask) << 2)))
    if (shift) continue
    shift = 8
    row++
  }
}

function greyAlpha(row: usize, pixels: u32, sampleBytes: usize): void {
  let to = line
  for (const end = to + ((<usize>pixels) << 2); to < end; to += 4, row += 2 * sampleBytes)
    store<u32>(to, (<u32>load<u8>(row) * 0x010101) | ((<u32>load<u8>(row + sampleBytes)) << 24))
}

/** Pixels become opaque, but for those of one colour, whose samples are compared with all their bits. */
function keyed(row: usize, pixels: u32, sampleBytes: usize): void {
  const samples: usize = colourType == RGB ? 3 : 1
  let to = line
  for (const end = to + ((<usize>pixels) << 2); to < end; to += 4) {
    let differs: u32 = 0
    let pixel: u32 = 0
    for (let i: usize = 0; i < samples; i++, row += sampleBytes) {
      const sample: u32 = sampleBytes == 1 ? load<u8>(row) : bswap<u16>(load<u16>(row))
      differs |= sample ^ load<u16>(table + 2 * i)
      pixel |= (<u32>load<u8>(row)) << (<u32>(8 * i))
    }
    if (samples == 1) pixel *= 0x010101
    store<u32>(to, differs ? pixel | 0xff000000 : pixel)
  }
}
