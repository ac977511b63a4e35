import type { WebPModule } from '@jsquash/webp/codec/enc/webp_enc.js'
import { init } from '@jsquash/webp/encode.js'
import { defaultOptions } from '@jsquash/webp/meta.js'
import type { Bitmap } from '../bitmap.ts'
import { compileWasm, type WasmModule } from '../wasm/compile.ts'
import { openKept } from '../wasm/kept.ts'

let module: WasmModule | undefined
type Encoder = WebPModule & { HEAPU8: Uint8Array }

const kept = openKept<Encoder>(({ HEAPU8 }) => HEAPU8.length)

/** Encodes as lossy WebP, alpha kept; `quality` 1..100. */
export async function encodeWebp({ width, height, data }: Bitmap, quality: number): Promise<Buffer> {
  module ??= await compileWasm('@jsquash/webp/codec/enc/webp_enc_simd.wasm')
  const encoder = kept.take() ?? ((await init(module as never)) as Encoder)
  const file = encoder.encode(data as never, width, height, { ...defaultOptions, quality })
  if (!file) throw new Error('The WebP encoder failed')
  kept.giveBack(encoder)
  return Buffer.from(file.buffer)
}
