import { execFile } from 'node:child_process'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { noArguments, readArguments } from '../arguments.ts'
import { type Bundle, bundleAll } from './bundle.ts'
import { findFunctions } from './functions.ts'
import { template } from './template.ts'

const DIRECTORY = 'dist'
const COLD_IMPORTS = 5

readArguments('Usage: npm run build, which bundles every function into dist/', noArguments)
await rm(DIRECTORY, { recursive: true, force: true })
const functions = await findFunctions()
const kib = (bytes: number) => `${Math.round(bytes / 1024)} KiB`
const row = (name: string, ...columns: string[]) =>
  console.log(name.padEnd(28), ...columns.map((column) => column.padStart(14)))
row('function', 'minified', 'gzipped', 'cold import')
for (const made of await bundleAll(functions, DIRECTORY)) {
  const gzipped = gzipSync(await readFile(made.file)).length
  row(made.name, kib(made.minified), kib(gzipped), `${Math.round(await coldImport(made))} ms`)
}
await writeFile(`${DIRECTORY}/template.yaml`, template(functions))
console.log(`${functions.length} functions and template.yaml in ${DIRECTORY}/`)

/** Median time in ms to import a bundle in a new process. */
async function coldImport({ file }: Bundle): Promise<number> {
  const times: number[] = []
  const script = `const start = performance.now(); await import(process.argv[1]); console.log(performance.now() - start); process.exit()`
  for (let i = 0; i < COLD_IMPORTS; i++) {
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--input-type=module',
      '--eval',
      script,
      pathToFileURL(file).href,
    ])
    times.push(Number(stdout))
  }
  return times.sort((a, b) => a - b)[COLD_IMPORTS >> 1] ?? Number.NaN
}
