// What `npm ci` ends with: builds the WebAssembly, and starts the service once, so that the first start finds its code compiled.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import './build-wasm.mjs'

const directory = mkdtempSync(path.join(tmpdir(), 'photos-'))
const env = { ...process.env, DATABASE_URL: `sqlite:${path.join(directory, 'photos.db')}` }
// An installation that cannot start says so at its start; it is no reason to fail here.
spawnSync(process.execPath, ['scripts/run.mjs', 'serve/start', 'migrate'], { env, stdio: 'ignore' })
rmSync(directory, { recursive: true, force: true })
