import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { argumentsOf } from '../../scripts/npm-script.ts'
import type { Environment } from './app.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** Long enough for a machine that is slow and busy, in ms. */
export const DEADLINE_MS = 60_000

export type Service = {
  url: string
  pid: number
  /** All that the process has printed. */
  output(): string
  kill(signal: NodeJS.Signals): Promise<number | null>
}

/** A port of 127.0.0.1 that is free now. */
export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  server.close()
  return port
}

/** Starts the program that an npm script runs, and waits until it says `ready`. tests/service.test.ts has npm before it. */
export const startScript = (script: string, env: Environment, ready: RegExp): Promise<Service> =>
  startCommand([process.execPath, ...argumentsOf(script)], env, ready)

/** Starts a command that becomes a service, at the root of the project, and waits until it says `ready`. */
export async function startCommand(
  [command = '', ...parameters]: readonly string[],
  env: Environment,
  ready: RegExp,
): Promise<Service> {
  const port = env.PORT && env.PORT !== '0' ? Number(env.PORT) : await freePort()
  const child = spawn(command, parameters, {
    cwd: ROOT,
    env: {
      PATH: process.env.PATH ?? '',
      HOME: process.env.HOME ?? '',
      LOG_LEVEL: 'info',
      ...env,
      PORT: String(port),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += String(data)))
  const ended = once(child, 'exit')
  let isClosed = false
  // Later than its exit: by then all that it has printed is here.
  child.once('close', () => {
    isClosed = true
  })
  await until(
    () => ready.test(output) || isClosed,
    DEADLINE_MS,
    () => output,
  )
  if (isClosed) throw new Error(`${command} ${parameters.join(' ')} ended: ${output}`)
  return {
    url: `http://127.0.0.1:${port}`,
    pid: child.pid as number,
    output: () => output,
    async kill(signal) {
      killGroup(child, signal)
      await ended
      return child.exitCode
    },
  }
}

/** The command and what it started. */
function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
    process.kill(-child.pid, signal)
}

/** Adds photos by their URLs and requests their processing. */
export async function submitPhotos<T extends { uuid: string }>(
  service: string,
  urls: string[],
): Promise<T[]> {
  const photos = await postJson<T[]>(`${service}/photos`, { urls })
  await postJson(
    `${service}/photos/process`,
    photos.map(({ uuid }) => uuid),
  )
  return photos
}

/** Waits until `check` holds; throws with `describe()` past `timeoutMs`. */
export async function until(
  check: () => boolean | Promise<boolean>,
  timeoutMs = DEADLINE_MS,
  describe: () => unknown = () => '',
): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!(await check())) {
    if (Date.now() > deadline)
      throw new Error(`not within ${timeoutMs} ms: ${JSON.stringify(await describe())}`)
    await delay(25)
  }
}

export async function getJson<T>(url: string): Promise<T> {
  const answer = await fetch(url)
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`)
  return (await answer.json()) as T
}

export async function postJson<T>(url: string, body: unknown): Promise<T> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`)
  return (await answer.json()) as T
}
