import type { Bitmap } from '../bitmap.ts'
import { corrupt } from '../errors.ts'
import type { WebpFrame, WebpHeader } from '../headers/webp.ts'
import type { Size } from '../operations.ts'
import { shrinkRows } from '../shrink.ts'
import { showWebp } from '../wasm/webp-decoder.ts'

/**
 * Decodes a WebP, of an animation the first frame on a transparent canvas, no larger than `target` needs. The decoder makes
 * every pixel in its own memory, from which rows go to the shrink.
 */
export function decodeWebp(source: Buffer, header: WebpHeader, target: Size | undefined): Bitmap {
  const { firstFrame } = header
  const frame = firstFrame ?? { x: 0, y: 0, width: header.width, height: header.height }
  let bitmap: Bitmap | undefined
  const still = firstFrame ? asStill(source, firstFrame) : source
  const isDecoded = showWebp(still, frame, ({ width, height, data }) => {
    if (width !== frame.width || height !== frame.height) throw corrupt('a frame of another size')
    bitmap = shrinkRows(header, target, (push) => {
      if (!firstFrame) return push(data)
      const row = new Uint8Array(header.width * 4)
      for (let y = 0; y < frame.y; y++) push(row)
      for (let y = 0; y < height; y++) {
        row.set(data.subarray(y * width * 4, (y + 1) * width * 4), frame.x * 4)
        push(row)
      }
    })
  })
  if (!isDecoded || !bitmap) throw corrupt('damaged WEBP data')
  return bitmap
}

/** The chunks of one frame as a file of its own. */
function asStill(source: Buffer, { width, height, start, end }: WebpFrame): Buffer {
  const chunks = source.subarray(start, end)
  // An alpha chunk is only read below an extended header that announces it.
  const extended = Buffer.alloc(18)
  extended.write('VP8X', 'latin1')
  extended.writeUInt32LE(10, 4)
  extended.writeUInt8(0x10, 8)
  extended.writeUIntLE(width - 1, 12, 3)
  extended.writeUIntLE(height - 1, 15, 3)
  const riff = Buffer.from('RIFF\0\0\0\0WEBP', 'latin1')
  riff.writeUInt32LE(4 + extended.length + chunks.length, 4)
  return Buffer.concat([riff, extended, chunks])
}
