import { copyFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/** A module to bundle, from the root of the project, and what its bundle is called. */
type Entry = { file: string; name: string }

/** One function as a directory that needs nothing beside it. */
export type Bundle = {
  name: string
  /** The absolute path of its `index.mjs`. */
  file: string
  /** Size of `index.mjs`, in bytes. */
  minified: number
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

/** Bundles modules, each by itself into `<directory>/<name>/index.mjs`; what they share is read and compiled once. */
export async function bundleAll(entries: readonly Entry[], directory: string): Promise<Bundle[]> {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: entries.map(({ file, name }) => ({ in: file, out: path.join(name, 'index') })),
    outdir: directory,
    outExtension: { '.js': '.mjs' },
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
  const bundles: Bundle[] = []
  for (const [output, { entryPoint, inputs, bytes }] of Object.entries(metafile.outputs)) {
    const { name } = entries.find(({ file }) => file === entryPoint) ?? { name: '' }
    const file = path.resolve(ROOT, output)
    bundles.push({ name, file, minified: bytes, inputs: Object.keys(inputs) })
    for (const wasm of Object.keys(inputs).flatMap((input) => WASM[input] ?? []))
      await copyFile(
        createRequire(import.meta.url).resolve(wasm),
        path.join(path.dirname(file), path.basename(wasm)),
      )
  }
  return bundles
}

/** Bundles one module; see `bundleAll`. */
export async function bundle(file: string, name: string, directory: string): Promise<Bundle> {
  const [made] = await bundleAll([{ file, name }], directory)
  if (!made) throw new Error(`${file} made no bundle`)
  return made
}
