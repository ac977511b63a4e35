import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { noArguments, readArguments } from '../arguments.ts'
import { bundleClient } from './client.ts'

readArguments('Usage: npm run prepack, which makes what the package has in dist/', noArguments)

for (const directory of ['dist/client', 'dist/server']) rmSync(directory, { recursive: true, force: true })
run('scripts/run.mjs', 'build-server')
run('node_modules/typescript/bin/tsc', '--project', 'scripts/build-package/tsconfig.json')
mkdirSync('dist/client', { recursive: true })
writeFileSync('dist/client/index.js', await bundleClient())

/** Runs a program of Node; ends this process where it fails, which has said why. */
function run(...program: string[]): void {
  // What npm prints is the name of the package alone.
  const { status } = spawnSync(process.execPath, program, { stdio: ['ignore', 2, 2] })
  if (status !== 0) process.exit(status ?? 1)
}
