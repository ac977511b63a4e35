import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { config as readDotenv } from 'dotenv'
import { uuidv7 } from 'uuidv7'
import { type App, openApp } from '../lib/app.ts'
import { readConfig } from '../lib/config/index.ts'
import { migratePatiently } from '../lib/db/patient.ts'
import { addPhotos, type NewPhoto } from '../lib/photos/add.ts'
import { requestProcessing } from '../lib/photos/request.ts'
import { originalKey } from '../lib/storage/port.ts'
import { readArguments } from './arguments.ts'
import { findInputs } from './process/inputs.ts'
import { watch } from './process/progress.ts'
import { save } from './process/save.ts'
import { printTable } from './process/table.ts'
import { checkInstallation } from './serve/installation.ts'
import { runRelay, runWorker } from './serve/roles.ts'

const USAGE = 'Usage: npm run process -- <file|directory|glob|url>… [--out <directory>]'

const { out, positionals } = readArguments(USAGE, (args) => {
  const { values, positionals } = parseArgs({
    args,
    options: { out: { type: 'string', default: 'thumbnails' } },
    allowPositionals: true,
  })
  return { ...values, positionals }
})
const { inputs, missing } = await findInputs(positionals)
for (const name of missing) console.error(`${name}: no such file`)
if (inputs.length === 0) {
  console.error(USAGE)
  process.exit(2)
}

checkInstallation('worker')
readDotenv({ quiet: true })
const directory = await mkdtemp(path.join(tmpdir(), 'photo-processor-'))
const app = await openApp(readConfig(embedded(process.env, directory)))
await migratePatiently(app.db, app.config.databaseUrl)
try {
  await mkdir(out, { recursive: true })
  const photos = await add(app, inputs)
  const running = [await runRelay(app), await runWorker(app)]
  await requestProcessing(
    app,
    photos.map(({ uuid }) => uuid),
    false,
  )
  const done = await watch(app, photos)
  for (const part of running.reverse()) await part.stop()
  const results = await save(app, done, out)
  printTable(results)
  const complete = missing.length === 0 && results.every(({ status }) => status === 'completed')
  process.exitCode = complete ? 0 : 1
} finally {
  await app.close()
  await rm(directory, { recursive: true, force: true })
}

/** The limits of the environment, but with a database, a queue and files of its own that go afterwards. */
function embedded(environment: NodeJS.ProcessEnv, own: string) {
  return {
    ...environment,
    LOG_LEVEL: 'silent',
    DATABASE_URL: `sqlite:${path.join(own, 'photos.db')}`,
    RABBITMQ_URL: '',
    STORAGE_DIR: path.join(own, 'files'),
    THUMBS_DIR: '',
    RELAY_INTERVAL_MS: '100',
  }
}

/** Files become stored originals, URLs stay what they are. */
async function add(app: App, names: string[]): Promise<{ uuid: string; name: string }[]> {
  const photos: (NewPhoto & { uuid: string; name: string })[] = []
  for (const name of names) {
    const uuid = uuidv7()
    const isUrl = /^https?:/i.test(name)
    if (!isUrl) await app.storage.put(originalKey(uuid), await readFile(name))
    photos.push({ uuid, name, url: isUrl ? name : originalKey(uuid), door: 'photos' })
  }
  await addPhotos(app, photos)
  return photos
}
