import { spawnSync } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { openApp } from '../../lib/app.ts'
import { readConfig } from '../../lib/config/index.ts'
import { noArguments, readArguments } from '../arguments.ts'
import { describeCalls } from './description.ts'
import { sealOf, TYPES } from './seal.ts'

readArguments(
  'Usage: npm run client:types, which makes lib/client/types.ts from the OpenAPI description',
  noArguments,
)

const directory = await mkdtemp(path.join(tmpdir(), 'photos-'))
try {
  const database = path.join(directory, 'photos.db')
  const app = await openApp(
    readConfig({ DATABASE_URL: `sqlite:${database}`, STORAGE_DIR: directory, LOG_LEVEL: 'silent' }),
  )
  const description = await describeCalls(app)
  await app.close()
  // Apart from the project: it needs another TypeScript.
  for (const name of ['package.json', 'package-lock.json'])
    await cp(path.join(import.meta.dirname, name), path.join(directory, name))
  await writeFile(path.join(directory, 'openapi.json'), JSON.stringify(description))
  run('npm', 'ci', '--no-audit', '--no-fund', '--loglevel=error')
  run('npm', 'exec', '--', 'openapi-typescript', 'openapi.json', '--output', 'types.ts')
  const types = await readFile(path.join(directory, 'types.ts'), 'utf8')
  await writeFile(TYPES, sealOf(description, types) + types)
} finally {
  await rm(directory, { recursive: true, force: true })
}

/** Runs a program in the directory; throws where it fails, which has said why. */
function run(command: string, ...given: string[]): void {
  const { status } = spawnSync(command, given, { cwd: directory, stdio: ['ignore', 'ignore', 'inherit'] })
  if (status !== 0) throw new Error(`${command} ended with ${status}`)
}
