import { compileWasm, type WasmModule } from './compile.ts'

/** An image as the codec takes and gives it: RGBA, 8 bits each. */
export type WebpPixels = { width: number; height: number; data: Uint8ClampedArray | Uint8Array }

const modules = new Map<string, Promise<WasmModule>>()

/**
 * Gives the WebP codec a fresh instance, under a millisecond: its memory never shrinks, and after one abort it is
 * broken for good.
 */
export async function renewWebp(name: string, init: unknown): Promise<void> {
  const compiling = modules.get(name) ?? compileWasm(`@jsquash/webp/codec/${name}`)
  modules.set(name, compiling)
  await (init as (module: WasmModule) => Promise<unknown>)(await compiling)
}
