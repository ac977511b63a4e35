import { setTimeout as delay } from 'node:timers/promises'
import amqplib, { type ChannelModel } from 'amqplib'
import { inject } from 'vitest'
import { openApp } from '../../lib/app.ts'
import { readConfig } from '../../lib/config/index.ts'
import type { Message, Queue, ReceivedMessage } from '../../lib/queue/port.ts'
import { type Environment, type Setup, withEnvironment } from '../support/app.ts'
import { openProxy } from '../support/proxy.ts'
import { DEADLINE_MS, until } from '../support/service.ts'

/** Runs `use` with the queue that an environment names, and closes it. */
export async function withQueueOf<T>(env: Environment, use: (queue: Queue) => Promise<T>): Promise<T> {
  const app = await openApp(readConfig(env))
  try {
    return await use(app.queue)
  } finally {
    await app.close()
  }
}

/** Runs `use` with a queue of its own on a set-up. */
export const withQueue = <T>(setup: Setup, use: (queue: Queue, env: Environment) => Promise<T>): Promise<T> =>
  withEnvironment(setup, (env) => withQueueOf(env, (queue) => use(queue, env)))

/** Runs `use` with the environment of a service that reaches the broker through a proxy. */
export const withProxy = <T>(
  setup: Setup,
  use: (env: Environment, proxy: Awaited<ReturnType<typeof openProxy>>) => Promise<T>,
): Promise<T> =>
  withEnvironment(setup, async (env) => {
    const url = new URL(inject('rabbitmqUrl') ?? '')
    const proxy = await openProxy({ host: url.hostname, port: Number(url.port || 5672) })
    url.hostname = '127.0.0.1'
    url.port = String(proxy.port)
    try {
      return await use({ ...env, RABBITMQ_URL: url.href }, proxy)
    } finally {
      await proxy.close()
    }
  })

/** Runs `use` with the connection of another program to the broker. */
export async function withStranger<T>(
  { RABBITMQ_URL = '' }: Environment,
  use: (connection: ChannelModel) => Promise<T>,
): Promise<T> {
  const connection = await amqplib.connect(RABBITMQ_URL)
  // A channel that is refused something closes; the caller is told by the rejection.
  connection.on('error', () => {})
  try {
    return await use(connection)
  } finally {
    await connection.close()
  }
}

/** A message for the workers, told apart by its name. */
export const work = (id: string): Message => ({ id, to: 'work', key: 'image.queued', body: { id } })

export const textOf = ({ body }: Pick<ReceivedMessage, 'body'>): string => Buffer.from(body).toString('utf8')

/** The name that `work` gave a message. */
export const idOf = (delivery: ReceivedMessage): string => (JSON.parse(textOf(delivery)) as { id: string }).id

/** A handler that keeps what it is given, in order. */
export function collector() {
  const got: ReceivedMessage[] = []
  return {
    got,
    ids: () => got.map(idOf),
    handle: async (delivery: ReceivedMessage) => void got.push(delivery),
  }
}

/** A handler whose calls wait until `open` is called. */
export function gate() {
  const opened = Promise.withResolvers<void>()
  const state = { started: 0, running: 0, most: 0, done: [] as string[] }
  return {
    state,
    open: opened.resolve,
    async handle(delivery: ReceivedMessage) {
      state.started++
      state.running++
      state.most = Math.max(state.most, state.running)
      await opened.promise
      await delay(5)
      state.running--
      state.done.push(idOf(delivery))
    },
  }
}

/** Queues one more message, `last`, and waits until it has come: what was queued before has come by then. */
export async function untilLast(
  queue: Queue,
  ids: () => string[],
  to: 'work' | 'dead' = 'work',
): Promise<void> {
  await queue.publish([{ ...work('last'), to }], DEADLINE_MS)
  await until(() => ids().includes('last'))
}

/** What a promise resolves to, or `late` where it takes longer. */
export const within = <T>(ms: number, promise: Promise<T>): Promise<T | 'late'> =>
  Promise.race([promise, delay(ms, 'late' as const, { ref: false })])
