import type { Bitmap } from './bitmap.ts'
import type { Size } from './operations.ts'
import { checked, useCodec } from './wasm/module.ts'

/** The resize needs twice as many pixels a side as it makes. */
const MARGIN = 2

/** The largest side of a box whose sums fit the module's. */
const MOST_A_SIDE = 256

/** About as many bytes are copied into the module at once. */
const STRIP_BYTES = 65_536

/** Takes rows of RGBA, any number of whole rows at a time, from the top. */
type PushRows = (rows: Uint8Array) => void

/**
 * The side in px of the boxes whose means leave twice the sides of `target`, 1 to 256; 1, for every pixel, where it is undefined.
 */
export function boxSideFor({ width, height }: Size, target: Size | undefined): number {
  if (!target) return 1
  const side = Math.floor(Math.min(width / (MARGIN * target.width), height / (MARGIN * target.height)))
  return Math.min(Math.max(side, 1), MOST_A_SIDE)
}

/** The sides in px of a picture of such boxes, and how much of them stands for the picture. */
export function shrunkSize({ width, height }: Size, side: number): Omit<Bitmap, 'data'> {
  const extent = { width: width / side, height: height / side }
  const size = { width: Math.ceil(extent.width), height: Math.ceil(extent.height) }
  return side === 1 ? size : { ...size, extent }
}

/**
 * Makes a bitmap no larger than `target` needs of the rows that `write` pushes: the means of boxes of pixels, each pixel
 * counting as much as it is opaque. Rows that are missing in the end are transparent. The pixels lie in memory that is used
 * again after `takeBack`. `readyCodec` must have come before.
 */
export function shrinkRows(size: Size, target: Size | undefined, write: (push: PushRows) => void): Bitmap {
  const side = boxSideFor(size, target)
  const shrunk = shrunkSize(size, side)
  const bytes = shrunk.width * shrunk.height * 4
  const rowBytes = size.width * 4
  const stripRows = Math.max(1, Math.floor(STRIP_BYTES / rowBytes))
  return useCodec(
    (codec, lendTo) => {
      const strip = checked(codec.allocate(stripRows * rowBytes))
      const output = checked(codec.openShrink(size.width, size.height, 4, side))
      const memory = new Uint8Array(codec.memory.buffer)
      write((rows) => {
        for (let at = 0; at < rows.length; at += stripRows * rowBytes) {
          const some = rows.subarray(at, at + stripRows * rowBytes)
          memory.set(some, strip)
          codec.addRows(strip, Math.floor(some.length / rowBytes))
        }
      })
      codec.finishShrink(0)
      const data = Buffer.from(codec.memory.buffer, output, bytes)
      lendTo(data)
      return { ...shrunk, data }
    },
    { bytes: bytes + 24 * size.width + STRIP_BYTES },
  )
}
