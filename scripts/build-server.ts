import { spawnSync } from 'node:child_process'
import { copyFileSync, cpSync, globSync } from 'node:fs'
import { build } from 'esbuild'
import { noArguments, readArguments } from './arguments.ts'

const TARGET = 'dist/server'

readArguments('Usage: npm run build:server, which compiles the service into dist/server/', noArguments)
run('scripts/build-wasm.mjs')
run('node_modules/typescript/bin/tsc', '--project', 'scripts/tsconfig.server.json')
await build({
  entryPoints: ['lib/page/main.ts'],
  outfile: `${TARGET}/lib/page/main.js`,
  bundle: true,
  minify: true,
  format: 'esm',
  logLevel: 'warning',
})
cpSync('sql', `${TARGET}/sql`, { recursive: true })
const READ = ['lib/imaging/wasm/imaging.wasm', 'lib/http/description/examples.json']
const PLAIN = ['scripts/bin.mjs', 'scripts/node-version.mjs']
for (const file of [...globSync('lib/page/*.{html,css,svg}'), ...READ, ...PLAIN])
  copyFileSync(file, `${TARGET}/${file}`)

/** Runs a program of Node; ends this process where it fails, which has said why. */
function run(...program: string[]): void {
  const { status } = spawnSync(process.execPath, program, { stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}
