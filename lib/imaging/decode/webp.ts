import decodeWithWasm, { init as initDecoder } from '@jsquash/webp/decode.js'
import type { Bitmap } from '../bitmap.ts'
import { corrupt } from '../errors.ts'
import type { WebpFrame, WebpHeader } from '../headers/webp.ts'
import { renewWebp, type WebpPixels } from '../wasm/webp.ts'

/** Makes the decoder ready: outside of the decode's try, so that a missing file is not taken for a corrupt image. */
export const readyWebpDecoder = () => renewWebp('dec/webp_dec.wasm', initDecoder)

/** Decodes a WebP, of an animation the first frame on a transparent canvas. */
export async function decodeWebp(source: Buffer, { width, height, firstFrame }: WebpHeader): Promise<Bitmap> {
  if (!firstFrame) return decodeStill(source)
  const frame = await decodeStill(asStill(source, firstFrame))
  if (frame.width !== firstFrame.width || frame.height !== firstFrame.height)
    throw corrupt('a frame of another size')
  const data = Buffer.alloc(width * height * 4)
  for (let row = 0; row < frame.height; row++) {
    const from = row * frame.width * 4
    frame.data.copy(data, ((firstFrame.y + row) * width + firstFrame.x) * 4, from, from + frame.width * 4)
  }
  return { width, height, data }
}

async function decodeStill(source: Buffer): Promise<Bitmap> {
  const { width, height, data } = (await decodeWithWasm(source as never)) as WebpPixels
  return { width, height, data: Buffer.from(data.buffer, data.byteOffset, data.byteLength) as Buffer }
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
