import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { mayUseServers, SERVERS, withOwnServers } from '../own-servers.ts'

type Environment = Record<string, string>

const RUN = fileURLToPath(new URL('../run.mjs', import.meta.url))

/** What a service of its own takes from the environment: limits, but never where it keeps its data. */
const KEPT = ['PATH', 'HOME', 'LOG_LEVEL', 'WORKER_THREADS', 'PREFETCH', 'MAX_SOURCE_BYTES', 'NODE_OPTIONS']

/**
 * Runs `use` with a service of its own, on PostgreSQL and RabbitMQ where both can be reached and else embedded; of its
 * database, queues and files nothing stays. Without `yes` somebody has to agree to servers that nobody named.
 */
export async function withOwnService<T>(
  yes: boolean,
  use: (url: string, what: string) => Promise<T>,
): Promise<T> {
  const onServers = await serversAnswer()
  if (onServers && !yes && !(await mayUseServers('`npm run load -- --yes`')))
    throw new Error('Nothing was done')
  const directory = await mkdtemp(path.join(tmpdir(), 'photos-load-'))
  const base: Environment = {
    LOG_LEVEL: 'silent',
    ...Object.fromEntries(KEPT.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : []))),
    STORAGE_DIR: path.join(directory, 'files'),
    PORT: String(await freePort()),
  }
  const start = async (env: Environment, what: string) => {
    const service = await startService({ ...base, ...env }, directory)
    try {
      return await use(service.url, what)
    } finally {
      await service.stop()
    }
  }
  try {
    if (onServers) return await withOwnServers(SERVERS, (own) => start(own, 'PostgreSQL, RabbitMQ'))
    return await start({ DATABASE_URL: `sqlite:${path.join(directory, 'photos.db')}` }, 'embedded')
  } finally {
    await rm(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  }
}

/** In a directory without `.env`, and in a group of its own, so that an interrupt of ours does not end it first. */
async function startService(env: Environment, cwd: string): Promise<{ url: string; stop(): Promise<void> }> {
  const child = spawn(process.execPath, [RUN, 'serve/start', 'all'], {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  })
  const ended = once(child, 'exit')
  const kill = () => child.kill('SIGKILL')
  process.on('exit', kill)
  let url: string | undefined
  for await (const line of createInterface({ input: child.stdout })) {
    url = /Photo processor on (http:\S+)/.exec(line)?.[1]
    if (url !== undefined) break
  }
  if (url === undefined) throw new Error('The service did not start')
  child.stdout.resume()
  return {
    url,
    async stop() {
      child.kill('SIGTERM')
      await ended
      process.off('exit', kill)
    },
  }
}

const serversAnswer = async () =>
  (await answers(SERVERS.postgresUrl, 5432)) && (await answers(SERVERS.rabbitmqUrl, 5672))

function answers(url: string, defaultPort: number): Promise<boolean> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve) => {
    const socket = net.connect({ host: hostname, port: Number(port || defaultPort), timeout: 2_000 })
    const end = (result: boolean) => {
      socket.destroy()
      resolve(result)
    }
    socket.on('connect', () => end(true))
    socket.on('error', () => end(false))
    socket.on('timeout', () => end(false))
  })
}

/** A port of 127.0.0.1 that is free now. */
export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  server.close()
  return port
}
