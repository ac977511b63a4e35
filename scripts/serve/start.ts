import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { config as readDotenv } from 'dotenv'
import { type App, openApp } from '../../lib/app.ts'
import { isDatabaseAway } from '../../lib/away.ts'
import { type Config, readConfig } from '../../lib/config/index.ts'
import { migrate } from '../../lib/db/migrate.ts'
import { readArguments } from '../arguments.ts'
import { checkInstallation } from './installation.ts'
import { lockData, type ServiceLock } from './lock.ts'
import { ROLES, type Running } from './roles.ts'

/** Longest wait for what runs when the process is to stop, in ms. */
const STOP_TIMEOUT_MS = 30_000

const USAGE = 'Usage: npm start, or npm run api, worker, relay or migrate; they take no arguments'

await main(readArguments(USAGE, readRole)).catch((error: Error) => {
  console.error(error.message)
  process.exit(1)
})

function readRole(args: string[]): string {
  const [role = 'all', more] = parseArgs({ args, allowPositionals: true, options: {} }).positionals
  if (!Object.hasOwn(ROLES, role)) throw new Error(`There is no role ${role}`)
  if (more !== undefined) throw new Error(`Unexpected argument ${more}`)
  return role
}

async function main(role: string): Promise<void> {
  checkInstallation(role)
  readDotenv({ quiet: true })
  const config = readConfig(process.env)
  if (['api', 'worker', 'relay'].includes(role) && !config.rabbitmqUrl) {
    throw new Error(
      `RABBITMQ_URL must be set: ${role} in a process of its own needs a queue that all can reach`,
    )
  }
  const lock = role === 'all' ? lockData(config) : undefined
  const app = await openApp(config)
  const applied = await migrateWhenUp(app)
  if (role === 'migrate')
    console.log(applied.length > 0 ? `applied ${applied.join(', ')}` : 'nothing to apply')
  const running: Running[] = []
  const stop = stopper(app, running, lock)
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  for (const run of ROLES[role] ?? []) running.push(await run(app))
  const url = running.find((part) => part.url)?.url
  if (url) lock?.tell(url)
  if (url) greet(config, url)
  else if (running.length > 0) console.log(`${role} ready`)
  if (role === 'migrate') await app.close()
}

/** A database that is still starting is waited for. */
async function migrateWhenUp(app: App): Promise<string[]> {
  for (;;) {
    try {
      return await migrate(app.db)
    } catch (error) {
      if (!isDatabaseAway(error)) throw error
      app.log.warn({ err: (error as Error).message }, 'database not reachable, trying again')
      await delay(1_000)
    }
  }
}

function stopper(app: App & { close(): Promise<void> }, running: Running[], lock: ServiceLock | undefined) {
  let stopping = false
  return async (signal: NodeJS.Signals) => {
    if (stopping) return
    stopping = true
    app.log.info({ signal }, 'stopping')
    setTimeout(() => process.exit(1), STOP_TIMEOUT_MS).unref()
    for (const part of running.reverse()) await part.stop()
    await app.close()
    lock?.release()
    process.exit(0)
  }
}

function greet({ databaseUrl, rabbitmqUrl, storageDir }: Config, url: string): void {
  const database = databaseUrl.startsWith('sqlite:') ? databaseUrl : 'PostgreSQL'
  console.log(
    `Photo processor on ${url}  (${database}, ${rabbitmqUrl ? 'RabbitMQ' : 'in-process queue'}, ${storageDir})`,
  )
  console.log(`Try: curl -s ${url}/photos/pending`)
}
