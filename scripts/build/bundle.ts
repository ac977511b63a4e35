import { copyFile, mkdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

/** One function as a directory that needs nothing beside it. Sizes in bytes, of `index.mjs`. */
export type Bundle = {
  name: string
  file: string
  minified: number
  gzipped: number
  /** Files that went into it, from the root of the project. */
  inputs: string[]
}

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** What a CommonJS package expects to find in an ES module. */
const BANNER = `
import { createRequire as __createRequire } from 'node:module';
import { fileURLToPath as __fileURLToPath } from 'node:url';
const require = __createRequire(import.meta.url);
const __filename = __fileURLToPath(import.meta.url);
const __dirname = __fileURLToPath(new URL('.', import.meta.url));`

/** WebAssembly files that a module reads at run time (lib/imaging/wasm/compile.ts). */
const WASM: Record<string, string[]> = {
  'lib/imaging/wasm/module.ts': ['../../lib/imaging/wasm/imaging.wasm'],
  'lib/imaging/colour/lcms.ts': ['lcms-wasm/dist/lcms.wasm'],
  'lib/imaging/wasm/webp-decoder.ts': ['@jsquash/webp/codec/dec/webp_dec.wasm'],
  'lib/imaging/encode/webp.ts': ['@jsquash/webp/codec/enc/webp_enc_simd.wasm'],
}

/** Bundles one function into `<directory>/<name>/index.mjs`. */
export async function bundle(entry: string, name: string, directory: string): Promise<Bundle> {
  const file = path.join(directory, name, 'index.mjs')
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: [entry],
    outfile: file,
    bundle: true,
    minify: true,
    metafile: true,
    platform: 'node',
    format: 'esm',
    target: 'node22',
    define: { BUNDLED: 'true' },
    // Optional parts, native and for the XMP that nobody reads, and colours of the log, which a function does without.
    external: ['pg-native', 'pino-pretty', '@xmldom/xmldom'],
    banner: { js: BANNER },
    logLevel: 'error',
  })
  const inputs = Object.keys(metafile.inputs)
  for (const wasm of inputs.flatMap((input) => WASM[input] ?? [])) await copyBeside(file, wasm)
  const code = await readFile(file)
  return { name, file, minified: code.length, gzipped: gzipSync(code).length, inputs }
}

async function copyBeside(file: string, wasm: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true })
  await copyFile(
    createRequire(import.meta.url).resolve(wasm),
    path.join(path.dirname(file), path.basename(wasm)),
  )
}
