import type { Bitmap } from '../bitmap.ts'
import { corrupt } from '../errors.ts'
import { isIntact, PNG_COLOUR, type PngHeader, pngChunks } from '../headers/png.ts'
import type { Size } from '../operations.ts'
import { boxSideFor, shrunkSize } from '../shrink.ts'
import { type Codec, checked, copyIn, withCodec } from '../wasm/module.ts'

/** What `decodePng` in `wasm/png/decode.ts` returns, by number; 0 is success. */
const failures: Record<number, () => Error> = {
  1: () => new RangeError('Array buffer allocation failed'),
  2: () => corrupt('more than half of it is missing or damaged'),
}

/** What stands for missing pixels, as RGBA in a number: grey, and nothing where pictures may be transparent. */
const GREY = 0xff808080
const TRANSPARENT = 0

/** Zeros that the module's reader of bits counts on behind the data: `PADDING` in `wasm/png/stream.ts`. */
const PADDING = 64

/**
 * Decodes a PNG, not yet oriented, to means of boxes of pixels that are enough for `target`. What is missing of the second half
 * is grey, or transparent in pictures that may be. The pixels lie in memory that is used again after `takeBack`.
 */
export function decodePng(source: Buffer, header: PngHeader, target?: Size): Promise<Bitmap> {
  const { width, height, depth, colourType, interlaced } = header
  const side = boxSideFor(header, target)
  const size = shrunkSize(header, side)
  const pixels = size.width * size.height
  const room = header.data.end - header.data.start
  const decode = (codec: Codec, lendTo: (pixels: Buffer) => void) => {
    const at = checked(codec.allocate(room + PADDING))
    const table = makeTable(source, header)
    const tableAt = table ? copyIn(codec, table) : 0
    const length = copyData(source, header, new Uint8Array(codec.memory.buffer, at, room))
    const rest = header.transparency || colourType >= PNG_COLOUR.greyAlpha ? TRANSPARENT : GREY
    const status = codec.decodePng(
      at,
      length,
      width,
      height,
      depth,
      colourType,
      interlaced,
      tableAt,
      side,
      rest,
    )
    if (status !== 0) throw failures[status]?.()
    const data = Buffer.from(codec.memory.buffer, checked(codec.pngOutput()), pixels * 4)
    lendTo(data)
    return { ...size, data }
  }
  return withCodec(decode, { bytes: room + pixels * (interlaced && side > 1 ? 16 : 4) })
}

/** Copies the contents of all IDAT chunks, whose checksums must be right, one after another; returns how many bytes. */
function copyData(source: Buffer, { data }: PngHeader, to: Uint8Array): number {
  let length = 0
  for (const chunk of pngChunks(source, data.start)) {
    if (chunk.isWhole && !isIntact(source, chunk)) throw corrupt('the checksum of its data is wrong')
    to.set(source.subarray(chunk.start, chunk.end), length)
    length += chunk.end - chunk.start
    if (chunk.end === data.end) break
  }
  return length
}

/** What samples are looked up in, or compared with: the two tables of `wasm/png/samples.ts`; undefined where neither is needed. */
function makeTable(
  source: Buffer,
  { depth, colourType, palette, transparency }: PngHeader,
): Buffer | undefined {
  const alpha = transparency && source.subarray(transparency.start, transparency.end)
  if (palette && colourType === PNG_COLOUR.indexed)
    return makePalette(source.subarray(palette.start, palette.end), alpha)
  const highest = 2 ** depth - 1
  const key = Array.from(
    { length: (alpha?.length ?? 0) / 2 },
    (_, i) => (alpha?.readUInt16BE(2 * i) ?? 0) & highest,
  )
  if (colourType === PNG_COLOUR.grey && (depth < 8 || (depth === 8 && alpha)))
    return makeGreys(highest, key[0])
  return alpha && Buffer.from(Uint16Array.from(key).buffer)
}

/** 256 RGBA pixels; those beyond the palette are black. */
function makePalette(colours: Buffer, alphas: Buffer | undefined): Buffer {
  const table = Buffer.alloc(1024)
  for (let i = 0; i < 256; i++) {
    for (let channel = 0; channel < 3; channel++) table[4 * i + channel] = colours[3 * i + channel] ?? 0
    table[4 * i + 3] = alphas?.[i] ?? 255
  }
  return table
}

/** 256 RGBA pixels: greys from black to white, of which one may be transparent. */
function makeGreys(highest: number, key: number | undefined): Buffer {
  const table = Buffer.alloc(1024)
  for (let i = 0; i <= highest; i++) {
    table.fill((i * 255) / highest, 4 * i, 4 * i + 3)
    table[4 * i + 3] = i === key ? 0 : 255
  }
  return table
}
