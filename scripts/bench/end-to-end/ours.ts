import { type OpenApp, openApp } from '../../../lib/app.ts'
import { readConfig } from '../../../lib/config/index.ts'
import { migrate } from '../../../lib/db/migrate.ts'
import { freePort } from '../../load/service.ts'
import { countCompleted, reach } from '../load.ts'
import { cpuOfName } from '../processes.ts'
import { type Environment, type ServiceProcess, startRole } from '../service.ts'
import { submit } from './submit.ts'
import { type Contender, POLL_MS, TURN_TIMEOUT_MS } from './turn.ts'

export type Ours = Contender & {
  url: string
  /** Waits until so many photos are completed beside those of the calls before. */
  completed(count: number): Promise<void>
}

/** Runs `use` with the service with its defaults: api, relay and worker in a process each, on PostgreSQL and RabbitMQ. */
export async function withOurs<T>(env: Environment, use: (ours: Ours) => Promise<T>): Promise<T> {
  const own = { ...env, SOURCE_ALLOW_CIDRS: '127.0.0.1/32', PORT: String(await freePort()) }
  const app = await openApp(readConfig({ ...own, LOG_LEVEL: 'silent' }))
  const roles: ServiceProcess[] = []
  const start = async (role: string) => {
    const started = await startRole(role, own)
    roles.push(started)
    return started
  }
  try {
    await migrate(app.db)
    return await use(
      over(app, { api: await start('api'), relay: await start('relay'), worker: await start('worker') }),
    )
  } finally {
    for (const role of roles.reverse()) await role.stop()
    await app.close()
  }
}

type Roles = Record<'api' | 'relay' | 'worker', ServiceProcess>

function over(app: OpenApp, { api, relay, worker }: Roles): Ours {
  let expected = 0
  const completed = (count: number) => {
    expected += count
    return reach(() => countCompleted(app), expected, TURN_TIMEOUT_MS, POLL_MS)
  }
  return {
    url: api.url,
    completed,
    async process(urls) {
      await submit(api.url, urls)
      await completed(urls.length)
    },
    cpu: async () => ({
      worker: await worker.cpu(),
      api: await api.cpu(),
      relay: await relay.cpu(),
      PostgreSQL: await cpuOfName('postgres'),
      RabbitMQ: await cpuOfName('beam.smp'),
    }),
  }
}
