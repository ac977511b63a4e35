import { existsSync, renameSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

/** Entry and output of each WebAssembly module, from the root of the project; built files lie beside their loaders. */
const MODULES = [['lib/imaging/wasm/core/index.ts', 'lib/imaging/wasm/imaging.wasm']]

const FLAGS = [
  '--runtime',
  'stub',
  '--enable',
  'simd',
  '-O3',
  '--converge',
  '--noAssert',
  '--use',
  'abort=',
  '--disableWarning',
  '201',
]

const [argument] = process.argv.slice(2)
if (argument !== undefined) {
  const asked = argument === '--help'
  console[asked ? 'log' : 'error']('Usage: npm run build:wasm, which takes no arguments')
  process.exit(asked ? 0 : 2)
}

const ROOT = fileURLToPath(new URL('..', import.meta.url))

// `npm ci --omit=dev` runs this too, where there is no compiler: a built file comes with the installation then.
if (existsSync(new URL('../node_modules/assemblyscript/package.json', import.meta.url))) {
  const { default: asc } = await import('assemblyscript/asc')
  for (const [entry, file] of MODULES) {
    // Whoever loads the module meanwhile finds all of the old file or all of the new one.
    const made = file.replace(/\.wasm$/, `.${process.pid}.wasm`)
    const { error, stderr } = await asc.main([entry, '--baseDir', ROOT, '--outFile', made, ...FLAGS])
    if (error) {
      console.error(`${stderr}`)
      throw error
    }
    renameSync(path.join(ROOT, made), path.join(ROOT, file))
  }
}
