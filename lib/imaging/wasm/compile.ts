import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { isBundled } from '../../bundled.ts'

export type WasmModule = object

// The types of WebAssembly come with the browser's, which a server has no use for.
declare const WebAssembly: {
  compile(bytes: Uint8Array): Promise<WasmModule>
  Instance: new (module: WasmModule) => { exports: unknown }
  RuntimeError: new () => Error
}

/**
 * Reads a WebAssembly file of a package (`<package>/<path>`) or of this directory (`./<path>`); a bundle has the file
 * beside itself.
 */
export const readWasm = (file: string): Promise<Buffer> =>
  readFile(
    isBundled ? new URL(path.basename(file), import.meta.url) : createRequire(import.meta.url).resolve(file),
  )

/** As `readWasm`, compiled. */
export const compileWasm = async (file: string): Promise<WasmModule> =>
  WebAssembly.compile(await readWasm(file))

/** A new instance, with memory of its own, of a module that imports nothing. */
export const instantiate = <Exports>(module: WasmModule) =>
  new WebAssembly.Instance(module).exports as Exports

/** Whether WebAssembly stopped at something impossible: an address out of bounds, a stack that overflows. */
export const isTrap = (error: unknown) => error instanceof WebAssembly.RuntimeError
