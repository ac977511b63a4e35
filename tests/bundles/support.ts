import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import amqplib from 'amqplib'
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda'
import { type App, openApp } from '../../lib/app.ts'
import { readConfig } from '../../lib/config/index.ts'
import { type Bundle, bundleAll } from '../../scripts/build/bundle.ts'
import { type FunctionFile, findFunctions } from '../../scripts/build/functions.ts'
import { type Environment, SETUPS, withEnvironment } from '../support/app.ts'
import { openRuntimeApi } from './runtime-api.ts'

const CLIENT = fileURLToPath(new URL('./runtime-client.mjs', import.meta.url))

/** What functions are deployed on. */
export const SERVERS = SETUPS[1]

export type Built = { directory: string; functions: FunctionFile[]; bundles: Bundle[] }

/** Bundles every function, or these, into a directory outside of the project, where no node_modules is found. */
export async function buildFunctions(names?: readonly string[]): Promise<Built> {
  const directory = await mkdtemp(path.join(tmpdir(), 'bundles-'))
  const functions = (await findFunctions()).filter(({ name }) => names?.includes(name) ?? true)
  return { directory, functions, bundles: await bundleAll(functions, directory) }
}

export const removeAll = ({ directory }: Built) => rm(directory, { recursive: true, force: true })

/** Starts runtimes by name: the loop in this directory, and AWS's own where it is installed. */
export const RUNTIMES = [
  { name: 'the JavaScript loop', command: (): string[] => [CLIENT] },
  { name: 'aws-lambda-ric', command: findRic },
] as const

/** AWS's runtime interface client compiles for minutes, so it is no dependency: found in `TEST_LAMBDA_RIC`, a directory with it in its node_modules. */
function findRic(): string[] | undefined {
  const home = process.env.TEST_LAMBDA_RIC
  if (!home) return undefined
  return [
    createRequire(path.join(home, 'package.json')).resolve('aws-lambda-ric/bin/index.mjs'),
    'index.handler',
  ]
}

/** Runs a bundle under a runtime, with these environment variables and no others. */
export async function withFunction(
  { bundles }: Built,
  name: string,
  env: Environment,
  use: (invoke: (event: unknown, timeoutMs?: number) => Promise<unknown>) => Promise<void>,
  command: readonly string[] = [CLIENT],
): Promise<void> {
  const { file = '' } = bundles.find((each) => each.name === name) ?? {}
  const api = await openRuntimeApi()
  const child = spawn(process.execPath, [...command], {
    cwd: path.dirname(file),
    env: {
      PATH: process.env.PATH,
      AWS_LAMBDA_RUNTIME_API: api.host,
      AWS_LAMBDA_LOG_GROUP_NAME: 'test',
      AWS_LAMBDA_LOG_STREAM_NAME: 'test',
      BUNDLE: pathToFileURL(file).href,
      ...env,
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const ended = once(child, 'exit')
  try {
    await use(api.invoke)
  } finally {
    child.kill('SIGKILL')
    await ended
    await api.close()
  }
}

/** Functions want keys wherever they run. */
const ADMIN_KEY = `pp_admin_${'0'.repeat(43)}`

/** The environment of functions, on a migrated database, with an app to look at what they do. */
export function withServers(use: (env: Environment, app: App) => Promise<void>): Promise<void> {
  const open = async (env: Environment) => {
    const app = await openApp(readConfig(env))
    try {
      await use({ ...env, ADMIN_KEY }, app)
    } finally {
      await app.close()
    }
  }
  return withEnvironment(SERVERS, open, 'migrated')
}

/** Takes what waits in the queue, as Amazon MQ does. */
export async function takeMessages({ RABBITMQ_URL = '', QUEUE_NAME = '' }: Environment): Promise<string[]> {
  const connection = await amqplib.connect(RABBITMQ_URL)
  const channel = await connection.createChannel()
  const taken: string[] = []
  for (;;) {
    const message = await channel.get(QUEUE_NAME, { noAck: true })
    if (!message) break
    taken.push(message.content.toString())
  }
  await connection.close()
  return taken
}

/** A sample event of `tests/events/`. */
export async function readEvent<T>(name: string): Promise<T> {
  return JSON.parse(await readFile(new URL(`../events/${name}.json`, import.meta.url), 'utf8')) as T
}

/** An API Gateway event for a method and a path, with a key, and a JSON body in base64. */
export async function request(
  method: string,
  target: string,
  body?: unknown,
): Promise<APIGatewayProxyEventV2> {
  const event = await readEvent<APIGatewayProxyEventV2>('get-photos')
  const url = new URL(target, 'http://localhost')
  return {
    ...event,
    rawPath: url.pathname,
    rawQueryString: url.search.slice(1),
    queryStringParameters: Object.fromEntries(url.searchParams),
    headers: {
      ...event.headers,
      authorization: `Bearer ${ADMIN_KEY}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    requestContext: {
      ...event.requestContext,
      http: { ...event.requestContext.http, method, path: url.pathname },
    },
    ...(body !== undefined && {
      body: Buffer.from(JSON.stringify(body)).toString('base64'),
      isBase64Encoded: true,
    }),
  }
}

export type Answer = APIGatewayProxyStructuredResultV2

/** Messages as Amazon MQ hands them over. */
export const toRmqEvent = (bodies: readonly string[]) => ({
  eventSource: 'aws:rmq',
  eventSourceArn: 'arn:aws:mq:eu-central-1:123456789012:broker:test',
  rmqMessagesByQueue: {
    'photo-processor::/': bodies.map((body) => ({
      basicProperties: {
        contentType: 'application/json',
        headers: { 'x-origin': { bytes: [116, 101, 115, 116] }, 'x-count': 1 },
        deliveryMode: 2,
        messageId: '1',
        timestamp: 'Jan 1, 1970, 12:33:41 AM',
        bodySize: body.length,
      },
      redelivered: false,
      data: Buffer.from(body).toString('base64'),
    })),
  },
})
