import { BMP_COMPRESSION, type BmpHeader } from '../headers/bmp.ts'

/** For each stored pixel the index of its colour and 1 more, or 0 where nothing was drawn; `there` counts the rows before a cut. */
type Drawn = { indices: Uint16Array; there: number }

/** Undoes run-length data: pairs of count and colour; a count of zero escapes to line end, image end, a jump or literals. */
export function decodeRuns(source: Buffer, { width, height, compression, pixels }: BmpHeader): Drawn {
  const indices = new Uint16Array(width * height)
  const nibbles = compression === BMP_COMPRESSION.rle4
  const index = (byte: number, i: number) => (nibbles ? (i % 2 ? byte & 15 : byte >> 4) : byte)
  let [at, x, row] = [pixels, 0, 0]
  /** What a row has no room for takes no time: a run says 255 pixels in two bytes. */
  const put = (count: number, colourOf: (i: number) => number) => {
    const end = Math.min(count, width - x)
    for (let i = 0; i < end; i++) indices[row * width + x++] = colourOf(i) + 1
  }
  while (row < height) {
    const count = source[at++]
    const value = source[at++]
    if (count === undefined || value === undefined) return { indices, there: x > 0 ? row + 1 : row }
    if (count > 0) {
      put(count, (i) => index(value, i))
    } else if (value === 0) {
      row++
      x = 0
    } else if (value === 1) {
      break
    } else if (value === 2) {
      x += source[at++] ?? 0
      row += source[at++] ?? 0
    } else {
      const bytes = nibbles ? Math.ceil(value / 2) : value
      if (at + bytes > source.length) return { indices, there: row }
      const from = at
      put(value, (i) => index(source[from + (nibbles ? i >> 1 : i)] as number, i))
      at += bytes + (bytes % 2)
    }
  }
  return { indices, there: height }
}
