import type { Bitmap } from '../bitmap.ts'
import { forwardDct, scaledReciprocals } from './dct.ts'
import { HUFFMAN, type HuffmanSpec, QUANTISATION, ZIGZAG } from './tables.ts'
import { openWriter, type Writer } from './writer.ts'

/** At this quality and above colours keep their full resolution; below, 2x2 pixels share one. */
const FULL_COLOUR_QUALITY = 90

/**
 * Encodes as baseline JPEG with the tables of T.81, annex K, scaled as by libjpeg; `quality` 1..100. Alpha is ignored.
 * Ours because jpeg-js builds its tables anew for every image, which takes 20 ms.
 */
export function encodeJpeg({ width, height, data }: Bitmap, quality: number): Buffer {
  const step = quality >= FULL_COLOUR_QUALITY ? 1 : 2
  const luminance = quantisation(QUANTISATION.luminance, quality)
  const chrominance = quantisation(QUANTISATION.chrominance, quality)
  const writer = openWriter(width * height)
  writeHeader(writer, { width, height, step, tables: [luminance, chrominance] })
  const encoders = [
    blockEncoder(writer, luminance, codes(HUFFMAN.dcLuminance), codes(HUFFMAN.acLuminance)),
    blockEncoder(writer, chrominance, codes(HUFFMAN.dcChrominance), codes(HUFFMAN.acChrominance)),
    blockEncoder(writer, chrominance, codes(HUFFMAN.dcChrominance), codes(HUFFMAN.acChrominance)),
  ] as const
  const side = 8 * step
  const planes = { y: new Float32Array(side * side), cb: new Float32Array(64), cr: new Float32Array(64) }
  const block = new Float32Array(64)
  for (let top = 0; top < height; top += side) {
    for (let left = 0; left < width; left += side) {
      readUnit(data, width, height, left, top, step, planes)
      for (let part = 0; part < step * step; part++) {
        const from = Math.floor(part / step) * 8 * side + (part % step) * 8
        for (let row = 0; row < 8; row++)
          block.set(planes.y.subarray(from + row * side, from + row * side + 8), row * 8)
        encoders[0](block)
      }
      encoders[1](planes.cb)
      encoders[2](planes.cr)
    }
  }
  return writer.finish()
}

type Planes = { y: Float32Array; cb: Float32Array; cr: Float32Array }

/** Reads one unit of `8 * step` pixels a side as YCbCr (JFIF 1.02), levels shifted by 128; the picture's last pixels go on beyond its edge. */
function readUnit(
  data: Buffer,
  width: number,
  height: number,
  left: number,
  top: number,
  step: number,
  { y, cb, cr }: Planes,
): void {
  cb.fill(0)
  cr.fill(0)
  const side = 8 * step
  const share = 1 / (step * step)
  const shift = step - 1
  for (let row = 0; row < side; row++) {
    const line = Math.min(top + row, height - 1) * width
    const colourLine = (row >> shift) * 8
    for (let column = 0; column < side; column++) {
      const at = (line + Math.min(left + column, width - 1)) * 4
      const red = data[at] as number
      const green = data[at + 1] as number
      const blue = data[at + 2] as number
      y[row * side + column] = 0.299 * red + 0.587 * green + 0.114 * blue - 128
      const colour = colourLine + (column >> shift)
      cb[colour] = (cb[colour] as number) + (-0.168736 * red - 0.331264 * green + 0.5 * blue) * share
      cr[colour] = (cr[colour] as number) + (0.5 * red - 0.418688 * green - 0.081312 * blue) * share
    }
  }
}

/** libjpeg's scale: 50 is the table as it is, 100 all ones. */
function quantisation(table: readonly number[], quality: number): number[] {
  const scale = quality < 50 ? 5000 / quality : 200 - quality * 2
  return table.map((value) => Math.min(255, Math.max(1, Math.floor((value * scale + 50) / 100))))
}

/** Code and length by symbol. */
type Codes = { code: Uint16Array; bits: Uint8Array }

const codesBySpec = new Map<HuffmanSpec, Codes>()

/** T.81, annex C: codes of one length are consecutive, and the next longer ones go on from there. */
function codes(spec: HuffmanSpec): Codes {
  const known = codesBySpec.get(spec)
  if (known) return known
  const made: Codes = { code: new Uint16Array(256), bits: new Uint8Array(256) }
  let [code, next] = [0, 0]
  for (const [index, count] of spec.counts.entries()) {
    for (let i = 0; i < count; i++) {
      const symbol = spec.symbols[next++] ?? 0
      made.code[symbol] = code++
      made.bits[symbol] = index + 1
    }
    code <<= 1
  }
  codesBySpec.set(spec, made)
  return made
}

const END_OF_BLOCK = 0x00
const SIXTEEN_ZEROS = 0xf0

/** Encodes the blocks of one component, which remembers its last DC (T.81, F.1.2). */
function blockEncoder(writer: Writer, table: readonly number[], dc: Codes, ac: Codes) {
  const reciprocals = scaledReciprocals(table)
  const levels = new Int32Array(64)
  let lastDc = 0

  const put = ({ code, bits }: Codes, symbol: number) =>
    writer.bits(code[symbol] as number, bits[symbol] as number)
  const putValue = (codes: Codes, run: number, value: number) => {
    const size = 32 - Math.clz32(Math.abs(value))
    put(codes, (run << 4) | size)
    if (size > 0) writer.bits(value < 0 ? value + (1 << size) - 1 : value, size)
  }

  return (block: Float32Array): void => {
    forwardDct(block)
    for (let i = 0; i < 64; i++) {
      const place = ZIGZAG[i] as number
      levels[i] = Math.round((block[place] as number) * (reciprocals[place] as number))
    }
    const level = levels[0] as number
    putValue(dc, 0, level - lastDc)
    lastDc = level
    let run = 0
    for (let i = 1; i < 64; i++) {
      const value = levels[i] as number
      if (value === 0) {
        run++
        continue
      }
      for (; run > 15; run -= 16) put(ac, SIXTEEN_ZEROS)
      putValue(ac, run, value)
      run = 0
    }
    if (run > 0) put(ac, END_OF_BLOCK)
  }
}

type Frame = { width: number; height: number; step: number; tables: number[][] }

/** T.81, annex B: JFIF, tables, one frame of three components, one scan. */
function writeHeader(writer: Writer, { width, height, step, tables }: Frame): void {
  writer.marker(0xd8)
  writer.segment(0xe0, [0x4a, 0x46, 0x49, 0x46, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0])
  for (const [id, table] of tables.entries())
    writer.segment(0xdb, [id, ...ZIGZAG.map((place) => table[place] ?? 1)])
  const u16 = (value: number) => [value >> 8, value & 255]
  writer.segment(0xc0, [
    ...[8, ...u16(height), ...u16(width), 3],
    ...[1, (step << 4) | step, 0],
    ...[2, 0x11, 1],
    ...[3, 0x11, 1],
  ])
  const { dcLuminance, acLuminance, dcChrominance, acChrominance } = HUFFMAN
  for (const [id, { counts, symbols }] of [
    [0x00, dcLuminance],
    [0x10, acLuminance],
    [0x01, dcChrominance],
    [0x11, acChrominance],
  ] as const)
    writer.segment(0xc4, [id, ...counts, ...symbols])
  writer.segment(0xda, [3, 1, 0x00, 2, 0x11, 3, 0x11, 0, 63, 0])
}
