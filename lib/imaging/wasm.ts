import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { isBundled } from '../bundled.ts'

// The types of WebAssembly come with the browser's, which a server has no use for.
declare const WebAssembly: { compile(bytes: Uint8Array): Promise<WasmModule> }

export type WasmModule = object

/** Compiles a WebAssembly file of a package (`<package>/<path>`); a bundle has the file beside itself. */
export async function compileWasm(file: string): Promise<WasmModule> {
  const location = isBundled
    ? new URL(path.basename(file), import.meta.url)
    : createRequire(import.meta.url).resolve(file)
  return WebAssembly.compile(await readFile(location))
}
