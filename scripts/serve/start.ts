import { parseArgs } from 'node:util'
import { config as readDotenv } from 'dotenv'
import { hasKeys } from '../../lib/access/keys.ts'
import { type OpenApp, openApp } from '../../lib/app.ts'
import { readConfig } from '../../lib/config/index.ts'
import { isLoopbackHost } from '../../lib/loopback.ts'
import { readArguments } from '../arguments.ts'
import { checkInstallation } from './installation.ts'
import { lockData, type ServiceLock } from './lock.ts'
import { ROLES, type Running } from './roles.ts'
import { prepareSchema } from './schema.ts'

/** Longest wait for what runs when the process is to stop, in ms, after `DRAIN_MS`. */
const STOP_TIMEOUT_MS = 30_000
/** A second signal ends the process at once, but for what comes within so many ms: npm passes on what its group has received. */
const SAME_SIGNAL_MS = 1_000

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
  const away = Promise.withResolvers<void>()
  const schema = prepareSchema(app, away.resolve)
  const parts = (ROLES[role] ?? []).map((run) => run(app, schema))
  const stop = stopper(app, parts, lock)
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  try {
    const urls = parts.map(async (part) => {
      const { url } = await part
      // Who is told at once would meet a database that is just being migrated.
      await Promise.race([schema, away.promise])
      if (url) lock?.tell(url)
      if (url) await greet(app, url)
      return url
    })
    const [applied, ...found] = await Promise.all([schema, ...urls])
    if (role === 'migrate')
      console.log(applied.length > 0 ? `applied ${applied.join(', ')}` : 'nothing to apply')
    else if (!found.some(Boolean)) console.log(`${role} ready`)
    if (role === 'migrate') await app.close()
  } catch (error) {
    // What has not started yet ends so.
    if (!app.stopping.aborted) throw error
  }
}

/** Stops the process in order at its first signal, with exit code 0 also past the limit: what is left is leased and queued again. */
function stopper(app: OpenApp, parts: readonly Promise<Running>[], lock: ServiceLock | undefined) {
  let since: number | undefined
  return async (signal: NodeJS.Signals) => {
    const now = performance.now()
    if (since !== undefined) {
      if (now - since < SAME_SIGNAL_MS) return
      app.log.warn({ signal }, 'stopped at once')
      process.exit(1)
    }
    since = now
    app.log.info({ signal }, 'stopping')
    app.stop()
    setTimeout(() => {
      app.log.warn('stopped before all was finished')
      process.exit(0)
    }, app.config.drainMs + STOP_TIMEOUT_MS).unref()
    for (const part of parts.toReversed()) await (await part.catch(() => undefined))?.stop()
    await app.close()
    lock?.release()
    app.log.info('stopped')
    process.exit(0)
  }
}

async function greet({ config, db, log }: OpenApp, url: string): Promise<void> {
  const { auth, isAuthSet, adminKey, host, databaseUrl, rabbitmqUrl, storageDir } = config
  const database = databaseUrl.startsWith('sqlite:') ? databaseUrl : 'PostgreSQL'
  console.log(
    `Photo processor on ${url}  (${database}, ${rabbitmqUrl ? 'RabbitMQ' : 'in-process queue'}, ${storageDir})`,
  )
  if (auth === 'none' && isAuthSet && !isLoopbackHost(host))
    log.warn('AUTH=none: whoever reaches this address reads, makes and deletes everything')
  // A database that is away has no first key to make.
  const isClosed = auth === 'keys' && !adminKey && !(await hasKeys(db).catch(() => true))
  if (isClosed) console.log(`There is no key yet. Make one: npm run keys -- create first --scopes admin`)
  else if (auth === 'none') console.log(`Try: curl -s ${url}/photos/pending`)
}
