import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { constants, tmpdir } from 'node:os'
import path from 'node:path'
import { config as readDotenv } from 'dotenv'
import { openApp } from '../lib/app.ts'
import { readConfig } from '../lib/config/index.ts'
import { migratePatiently } from '../lib/db/patient.ts'
import { readArguments } from './arguments.ts'
import { findInputs } from './process/inputs.ts'
import { readOptions, USAGE } from './process/options.ts'
import { processAll } from './process/photos.ts'
import { openReport, printable, reportSkipped } from './process/report.ts'
import { checkInstallation } from './serve/installation.ts'
import { runRelay, runWorker } from './serve/roles.ts'
import { onSignals } from './serve/signals.ts'

const { named, out, json, recipe } = readArguments(USAGE, readOptions)
const { inputs, skipped, missing } = await findInputs(named, out)
reportSkipped(skipped, json)
for (const { name, reason } of missing) console.error(printable(`${name}: ${reason}`))
if (inputs.length === 0) process.exit(1)

checkInstallation('worker')
readDotenv({ quiet: true })
const interrupted = new AbortController()
onSignals((signal) => {
  process.exitCode = 128 + constants.signals[signal]
  interrupted.abort()
})
const directory = await mkdtemp(path.join(tmpdir(), 'photo-processor-'))
try {
  await run()
} finally {
  await rm(directory, { recursive: true, force: true })
}

/** Processes the inputs with a database, a queue and files of its own. */
async function run(): Promise<void> {
  const app = await openApp(readConfig(embedded(process.env)))
  try {
    await migratePatiently(app.db, app.config.databaseUrl)
    await mkdir(out, { recursive: true })
    const running = [await runRelay(app), await runWorker(app)]
    const report = openReport(inputs, json)
    let isComplete = missing.length === 0
    for await (const result of processAll(app, inputs, { recipe, out, signal: interrupted.signal })) {
      isComplete &&= result.status === 'completed'
      report.add(result)
    }
    report.end()
    process.exitCode ??= isComplete ? 0 : 1
    app.stop()
    for (const part of running.reverse()) await part.stop()
  } finally {
    await app.close()
  }
}

/** The limits of the environment, but with a database, a queue and files of its own that go afterwards. */
function embedded(environment: NodeJS.ProcessEnv) {
  return {
    ...environment,
    LOG_LEVEL: 'silent',
    DATABASE_URL: `sqlite:${path.join(directory, 'photos.db')}`,
    RABBITMQ_URL: '',
    STORAGE_DIR: path.join(directory, 'files'),
    THUMBS_DIR: '',
    RELAY_INTERVAL_MS: '100',
  }
}
