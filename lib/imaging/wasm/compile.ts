import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { isBundled } from '../../bundled.ts'

export type WasmModule = object

/** Functions that a module takes, by module and name. */
export type Imports = Record<string, Record<string, (...values: number[]) => unknown>>

export type WasmMemory = { buffer: ArrayBuffer; grow(pages: number): number }

// The types of WebAssembly come with the browser's, which a server has no use for.
declare const WebAssembly: {
  compile(bytes: Uint8Array): Promise<WasmModule>
  Instance: new (module: WasmModule, imports?: object) => { exports: unknown }
  RuntimeError: new () => Error
}

/**
 * Compiles a WebAssembly file of a package (`<package>/<path>`) or of this directory (`./<path>`); a bundle has the
 * file beside itself.
 */
export async function compileWasm(file: string): Promise<WasmModule> {
  const location = isBundled
    ? new URL(path.basename(file), import.meta.url)
    : createRequire(import.meta.url).resolve(file)
  return WebAssembly.compile(await readFile(location))
}

/** A new instance of a module, with memory of its own. */
export const instantiate = <Exports>(module: WasmModule, imports?: object) =>
  new WebAssembly.Instance(module, imports).exports as Exports

/** Whether WebAssembly stopped at something impossible: an address out of bounds, a stack that overflows. */
export const isTrap = (error: unknown) => error instanceof WebAssembly.RuntimeError
