import type { WebPModule } from '@jsquash/webp/codec/enc/webp_enc.js'
import { init } from '@jsquash/webp/encode.js'
import { defaultOptions } from '@jsquash/webp/meta.js'
import { once } from '../../once.ts'
import type { Bitmap } from '../bitmap.ts'
import { compileWasm } from '../wasm/compile.ts'
import { openKept } from '../wasm/kept.ts'

/** Once in a process. */
const compile = once(() => compileWasm('@jsquash/webp/codec/enc/webp_enc_simd.wasm'))

type Encoder = WebPModule & { HEAPU8: Uint8Array }

const kept = openKept<Encoder>(({ HEAPU8 }) => HEAPU8.length)

/** Encodes as lossy WebP, alpha kept; `quality` 1..100. */
export async function encodeWebp({ width, height, data }: Bitmap, quality: number): Promise<Buffer> {
  const encoder = kept.take() ?? ((await init((await compile()) as never)) as Encoder)
  const file = encoder.encode(data as never, width, height, { ...defaultOptions, quality })
  if (!file) throw new Error('The WebP encoder failed')
  kept.giveBack(encoder)
  return Buffer.from(file.buffer)
}
