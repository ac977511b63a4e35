// What `npm ci` ends with: builds the WebAssembly, and starts the service once, so that the first start finds its code compiled.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import './build-wasm.mjs'

/** A start that takes longer than this, in ms, does without. */
const TIMEOUT_MS = 60_000

const run = fileURLToPath(new URL('run.mjs', import.meta.url))
try {
  const directory = mkdtempSync(path.join(tmpdir(), 'photos-'))
  // None of the settings of the service, of whatever kind: it would look for its servers.
  const env = { PATH: process.env.PATH, DATABASE_URL: `sqlite:${path.join(directory, 'photos.db')}` }
  const options = { cwd: directory, env, stdio: 'ignore', timeout: TIMEOUT_MS, killSignal: 'SIGKILL' }
  spawnSync(process.execPath, [run, 'serve/start', 'migrate'], options)
  rmSync(directory, { recursive: true, force: true })
} catch {
  // An installation that cannot start says so at its start; it is no reason to fail here.
}
