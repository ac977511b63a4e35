import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import amqplib from 'amqplib'
import { freePort } from '../service.ts'
import { type OwnServer, runServer } from './program.ts'

/** Debian's own scripts beneath those in the path, which insist on the system's user and directories. */
const programOf = (name: string) =>
  [`/usr/lib/rabbitmq/bin/${name}`, name].find((file) => !file.startsWith('/') || existsSync(file)) as string

/** `control` runs `rabbitmqctl` with these arguments. */
export type RabbitMqServer = OwnServer & { control(...args: string[]): Promise<unknown> }

/** A RabbitMQ of the test's own, on a free port; `settings` as in `rabbitmq.conf`. */
export async function openRabbitMqServer(settings: Record<string, string> = {}): Promise<RabbitMqServer> {
  const directory = await mkdtemp(path.join(tmpdir(), 'rabbitmq-'))
  const port = await freePort()
  const at = (name: string) => path.join(directory, name)
  const lines = Object.entries({ 'listeners.tcp.1': `127.0.0.1:${port}`, ...settings })
  await writeFile(at('rabbitmq.conf'), lines.map(([name, value]) => `${name} = ${value}\n`).join(''))
  await writeFile(at('plugins'), '[].\n')
  const env = {
    PATH: process.env.PATH,
    HOME: directory,
    RABBITMQ_NODENAME: `test-${port}@localhost`,
    RABBITMQ_DIST_PORT: String(await freePort()),
    RABBITMQ_CONFIG_FILE: at('rabbitmq.conf'),
    RABBITMQ_ENABLED_PLUGINS_FILE: at('plugins'),
    RABBITMQ_MNESIA_BASE: at('data'),
    RABBITMQ_LOG_BASE: at('logs'),
    RABBITMQ_PID_FILE: at('pid'),
  }
  const url = `amqp://guest:guest@127.0.0.1:${port}`
  const server = await runServer(
    { url, port },
    { file: programOf('rabbitmq-server'), args: [], env },
    async () => {
      await (await amqplib.connect(url)).close()
    },
  )
  return {
    ...server,
    control: (...args) => promisify(execFile)(programOf('rabbitmqctl'), args, { env }),
    async close() {
      await server.close()
      await rm(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
    },
  }
}
