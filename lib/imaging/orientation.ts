import type { Bitmap } from './bitmap.ts'
import type { Range } from './headers/header.ts'

/** Bytes of the integer types of TIFF 6.0: BYTE, SHORT, LONG, and SBYTE, SSHORT, SLONG. */
const INTEGER_BYTES: Record<number, number> = { 1: 1, 3: 2, 4: 4, 6: 1, 8: 2, 9: 4 }

/** The Orientation tag (1..8), of any integer type, of EXIF data in its TIFF form; undefined when absent or unreadable. */
export function readOrientation(tiff: Buffer): number | undefined {
  const order = tiff.toString('latin1', 0, 2)
  if (order !== 'II' && order !== 'MM') return undefined
  const littleEndian = order === 'II'
  const u16 = (at: number) => (littleEndian ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at))
  const u32 = (at: number) => (littleEndian ? tiff.readUInt32LE(at) : tiff.readUInt32BE(at))
  try {
    if (u16(2) !== 42) return undefined
    const directory = u32(4)
    const entries = u16(directory)
    for (let entry = 0; entry < entries; entry++) {
      const at = directory + 2 + entry * 12
      if (u16(at) !== 0x0112) continue
      const bytes = INTEGER_BYTES[u16(at + 2)]
      if (!bytes) return undefined
      const value = littleEndian ? tiff.readUIntLE(at + 8, bytes) : tiff.readUIntBE(at + 8, bytes)
      return value >= 1 && value <= 8 ? value : undefined
    }
  } catch (error) {
    // Metadata that was cut off or points nowhere is no reason to refuse the picture.
    if (!(error instanceof RangeError)) throw error
  }
  return undefined
}

/** Where the EXIF data of a source lies, with the orientation in it. */
export const withOrientation = (source: Buffer, exif: Range | undefined) =>
  exif
    ? { exif, orientation: readOrientation(source.subarray(exif.start, exif.end)) ?? 1 }
    : { orientation: 1 }

/** The sides as shown: orientations 5 to 8 lay a picture on its side. */
export const orientSize = (width: number, height: number, orientation: number) =>
  orientation >= 5 ? { width: height, height: width } : { width, height }

/** The bitmap as shown. Four bytes move as one: 12 megapixels in some 50 ms, Jimp's own takes a second. */
export function orient(bitmap: Bitmap, orientation: number): Bitmap {
  const walk = walks[orientation]
  if (!walk) return bitmap
  const { width: w, height: h } = bitmap
  const { width, height } = orientSize(w, h, orientation)
  const [first, right, down] = walk(w, h)
  const from = asPixels(bitmap.data)
  const data = Buffer.alloc(w * h * 4)
  const to = asPixels(data)
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0, pixel = first + y * down; x < width; x++, pixel += right) to[at++] = from[pixel] ?? 0
  }
  return { width, height, data }
}

/** For each orientation: the stored pixel shown top left, and the steps to the ones shown right of and below it. */
const walks: Record<number, (w: number, h: number) => [first: number, right: number, down: number]> = {
  2: (w) => [w - 1, -1, w],
  3: (w, h) => [w * h - 1, -1, -w],
  4: (w, h) => [w * (h - 1), 1, -w],
  5: (w) => [0, w, 1],
  6: (w, h) => [w * (h - 1), -w, 1],
  7: (w, h) => [w * h - 1, -w, -1],
  8: (w) => [w - 1, w, -1],
}

function asPixels(data: Buffer): Uint32Array {
  const aligned = data.byteOffset % 4 === 0 ? data : new Uint8Array(data)
  return new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.length / 4)
}
