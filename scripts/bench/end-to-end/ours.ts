import { openApp } from '../../../lib/app.ts'
import { readConfig } from '../../../lib/config/index.ts'
import { migrate } from '../../../lib/db/migrate.ts'
import { freePort } from '../../load/service.ts'
import { countCompleted, reach } from '../load.ts'
import { cpuOfName } from '../processes.ts'
import { type Environment, startRole } from '../service.ts'
import { submit } from './submit.ts'
import { type Contender, POLL_MS, TURN_TIMEOUT_MS } from './turn.ts'

export type Ours = Contender & {
  url: string
  /** Waits until so many photos are completed beside those of the calls before. */
  completed(count: number): Promise<void>
}

/** The service with its defaults: api, relay and worker in a process each, on PostgreSQL and RabbitMQ. */
export async function openOurs(env: Environment): Promise<Ours> {
  const own = { ...env, SOURCE_ALLOW_CIDRS: '127.0.0.1/32', PORT: String(await freePort()) }
  const app = await openApp(readConfig({ ...own, LOG_LEVEL: 'silent' }))
  await migrate(app.db)
  const api = await startRole('api', own)
  const relay = await startRole('relay', own)
  const worker = await startRole('worker', own)
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
    async stop() {
      for (const role of [worker, relay, api]) await role.stop()
      await app.close()
    },
  }
}
