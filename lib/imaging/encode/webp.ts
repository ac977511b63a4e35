import encodeWithWasm, { init } from '@jsquash/webp/encode.js'
import type { Bitmap } from '../bitmap.ts'
import { renewWebp, type WebpPixels } from '../wasm/webp.ts'

/** Encodes as lossy WebP, alpha kept; `quality` 1..100. */
export async function encodeWebp({ width, height, data }: Bitmap, quality: number): Promise<Buffer> {
  await renewWebp('enc/webp_enc_simd.wasm', init)
  const pixels: WebpPixels = { width, height, data }
  return Buffer.from(await encodeWithWasm(pixels as never, { quality }))
}
