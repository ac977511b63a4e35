import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '../../load/service.ts'
import { findPhoto } from '../imaging/photos.ts'
import { reach } from '../load.ts'
import { memoryOf, memoryOfTree } from '../processes.ts'
import { type Environment, type ServiceProcess, startRole } from '../service.ts'
import { startSource } from './source.ts'
import { submit } from './submit.ts'

const PHOTOS = 500
const RENDERERS = 2
const DEADLINE_MS = 1_800_000
const SAMPLE_MS = 200
const POLL_MS = 1_000
/** What the start leaves behind is collected by then. */
const START_MS = 10_000
/** Longer than memory of large pictures is kept after the last of them. */
const REST_MS = 40_000

/** Memory over 500 photos of 12 MP: of `npm start` without servers, and of a worker of its own with api and relay. */
export async function benchMemory(env: Environment): Promise<Record<string, number>> {
  const { DATABASE_URL: _database, RABBITMQ_URL: _broker, ...embedded } = env
  const sqlite = { ...embedded, DATABASE_URL: `sqlite:${env.STORAGE_DIR}.db` }
  return {
    ...(await measure('npm start', ['all'], sqlite)),
    ...(await measure('worker', ['api', 'relay', 'worker'], env)),
  }
}

/** Runs the roles; the first has the API, the last renders and is the main process that `name` stands for. */
async function measure(
  name: string,
  roles: readonly string[],
  env: Environment,
): Promise<Record<string, number>> {
  const source = await startSource(await readFile(await findPhoto('jpeg-12mp', process.env.PHOTO)))
  const own = {
    ...env,
    SOURCE_ALLOW_CIDRS: '127.0.0.1/32',
    WORKER_THREADS: String(RENDERERS),
    PORT: String(await freePort()),
  }
  const services: ServiceProcess[] = []
  try {
    for (const role of roles) services.push(await startRole(role, own))
    const url = services[0]?.url ?? ''
    const main = services.at(-1)?.pid ?? 0
    await delay(START_MS)
    const idle = (await memoryOf(main)).now
    const peak = watchPeak(services)
    await submit(url, source.next(PHOTOS))
    await reach(() => countCompleted(url), PHOTOS, DEADLINE_MS, POLL_MS)
    const { resident, once } = peak.stop()
    await delay(REST_MS)
    const memory = await memoryOf(main)
    return {
      [`MB of ${name}, main process, idle`]: Math.round(idle),
      [`MB of ${name}, main process, peak over ${PHOTOS} photos of 12 MP`]: Math.round(memory.peak),
      [`MB of ${name}, main process, ${REST_MS / 1000} s after the last photo`]: Math.round(memory.now),
      [`MB of ${name}, all processes, peak`]: Math.round(resident),
      [`MB of ${name}, all processes, peak, shared pages counted once`]: Math.round(once),
    }
  } finally {
    for (const service of services.toReversed()) await service.stop()
    source.stop()
  }
}

/** Watches the memory in MB of all processes together until it is stopped, which gives the peaks. */
function watchPeak(services: readonly ServiceProcess[]) {
  const peak = { resident: 0, once: 0 }
  const timer = setInterval(async () => {
    const memories = await Promise.all(services.map(({ pid }) => memoryOfTree(pid)))
    for (const which of ['resident', 'once'] as const)
      peak[which] = Math.max(
        peak[which],
        memories.reduce((sum, memory) => sum + memory[which], 0),
      )
  }, SAMPLE_MS)
  return {
    stop() {
      clearInterval(timer)
      return peak
    },
  }
}

async function countCompleted(url: string): Promise<number> {
  const answer = await fetch(`${url}/photos?status=completed&limit=1000`)
  return ((await answer.json()) as { items: unknown[] }).items.length
}
