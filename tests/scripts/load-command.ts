import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type Environment, SETUPS, withEnvironment } from '../support/app.ts'
import { freePort, getJson, type Service, startScript } from '../support/service.ts'

type Command = { child: ChildProcess; output(): string; ended: Promise<number | null> }

/** Starts `npm run load`, without npm. */
export function load(args: readonly string[], env: Environment = {}): Command {
  const child = spawn(process.execPath, ['scripts/run.mjs', 'load', ...args], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += String(data)))
  return { child, output: () => output, ended: once(child, 'close').then(([code]) => code) }
}

/** Runs `use` with the embedded service as a user starts it. */
export const withService = (use: (service: Service, env: Environment) => Promise<void>) =>
  withEnvironment(SETUPS[0], async (given) => {
    const env = { ...given, PORT: String(await freePort()) }
    const service = await startScript('start', env, /Try:/)
    try {
      await use(service, env)
    } finally {
      await service.kill('SIGKILL')
    }
  })

type List = { items: unknown[] }
/** How many photos there are. */
export const count = async ({ url }: Service, query = '') =>
  (await getJson<List>(`${url}/photos?limit=1000${query}`)).items.length

/** Figures of the report by name. */
export const figures = (output: string) =>
  Object.fromEntries(
    [...output.matchAll(/^(accepted|done|failed|refused|lost) +(\d+)$/gm)].map((row) => [
      row[1],
      Number(row[2]),
    ]),
  )
