import { parseArgs } from 'node:util'
import { config as readDotenv } from 'dotenv'
import { type OpenApp, openApp } from '../../lib/app.ts'
import { readConfig } from '../../lib/config/index.ts'
import { readArguments } from '../arguments.ts'
import { greet } from './greet.ts'
import { checkInstallation } from './installation.ts'
import { lockData, type ServiceLock } from './lock.ts'
import { ROLES, type Running } from './roles.ts'
import { prepareSchema } from './schema.ts'
import { onSignals } from './signals.ts'

/** Longest wait for what runs when the process is to stop, in ms, after `DRAIN_MS`. */
const STOP_TIMEOUT_MS = 30_000
/** A second signal ends the process at once, but for what comes within so many ms: npm passes on what its group has received. */
const SAME_SIGNAL_MS = 1_000

const USAGE = `Usage: npm start, or npm run api|worker|relay|migrate
They take no arguments: environment variables and the file .env configure them.`

/** Runs the role that the arguments name, until a signal ends it. */
export const serve = (): Promise<void> =>
  main(readArguments(USAGE, readRole)).catch((error: Error) => {
    console.error(isInUse(error) ? `${error.message}; set PORT to another port` : error.message)
    process.exit(1)
  })

const isInUse = ({ code }: NodeJS.ErrnoException) => code === 'EADDRINUSE'

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
  onSignals(stopper(app, parts, lock))
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
