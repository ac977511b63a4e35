import { setTimeout as delay } from 'node:timers/promises'
import type { ConfirmChannel } from 'amqplib/callback_api.js'
import type { Logger } from 'pino'
import rascal from 'rascal'
import { type AmqpConnection, readDepth } from './depth.ts'
import type { Consumer, Message, Queue } from './port.ts'
import { type Broker, keepSubscribed, subscribe } from './subscription.ts'
import { appExchange, deadQueue, LIVE, liveTopology, topology, WORK_KEY, workExchange } from './topology.ts'

/** Longest wait between two attempts to reach a broker that is away at the start. */
const CONNECT_RETRY_MS = 1_000

type Options = { url: string; queueName: string; prefetch: number; window: number; log: Logger }

/**
 * The queue on RabbitMQ. Rascal asserts the topology, connects, reconnects and consumes; publishing is in bulk on
 * a confirm channel of our own, which refuses at once while the broker is away instead of holding messages in memory.
 * Opening waits for nothing: it goes on trying to connect until closed.
 */
export function openRabbitMq(options: Options): Queue {
  const closing = new AbortController()
  const tried = Promise.withResolvers<void>()
  let up = false
  const connected = connect(topology(options), options.log, closing.signal, (state) => {
    up = state
    tried.resolve()
  })
  connected.catch(() => {})
  const channel = confirmChannel(connected)
  return {
    window: options.window,
    durable: true,
    isUp: () => up,
    pending: channel.pending,
    async depth() {
      const connection = up ? await channel.connection().catch(() => undefined) : undefined
      return connection && readDepth(connection, options.queueName)
    },
    async publish(messages, deadlineMs) {
      const confirmed = new Set<string>()
      if (!up) await Promise.race([tried.promise, delay(deadlineMs, undefined, { ref: false })])
      if (!up || channel.isBlocked()) return confirmed
      const publishing = channel
        .get()
        .then((open) => publishAll(open, messages, options.queueName, confirmed, channel.pending))
        .catch((error: Error) => options.log.warn({ err: error.message }, 'not published, the relay will'))
      await Promise.race([publishing, delay(deadlineMs, undefined, { ref: false })])
      return new Set(confirmed)
    },
    async consume(from, prefetch, handle) {
      return subscribe(await connected, from, prefetch, handle, options.log)
    },
    listen: (handle, onGap) => listen(options, closing.signal, handle, onGap),
    async close() {
      closing.abort()
      const broker = await connected.catch(() => undefined)
      await channel.close()
      await broker?.shutdown()
    },
  }
}

/** Connects, waiting for a broker that is away, and reports each loss and return of the connection. */
async function connect(
  wanted: rascal.BrokerConfig,
  log: Logger,
  signal: AbortSignal,
  setUp: (up: boolean) => void,
): Promise<Broker> {
  const config = rascal.withDefaultConfig(wanted)
  for (;;) {
    try {
      const broker = await rascal.BrokerAsPromised.create(config)
      broker.on('error', (error: Error) => log.warn({ err: error.message }, 'broker connection lost'))
      broker.on('vhost_initialised', () => setUp(true))
      broker.on('disconnect', () => setUp(false))
      setUp(true)
      return broker
    } catch (error) {
      signal.throwIfAborted()
      setUp(false)
      log.warn({ err: (error as Error).message }, 'broker not reachable, trying again')
      await delay(CONNECT_RETRY_MS, undefined, { signal })
    }
  }
}

/** One confirm channel on its own connection, opened at the first use and again after it was lost. */
function confirmChannel(connected: Promise<Broker>) {
  let current: Promise<{ channel: ConfirmChannel; connection: AmqpConnection }> | undefined
  let isBlocked = false
  const open = async () => {
    const broker = await connected
    // Typed as if it returned nothing; it resolves to a connection of amqplib's callback API.
    const connection = await (broker.connect('/') as Promise<unknown> as Promise<AmqpConnection>)
    const forget = () => {
      current = undefined
      isBlocked = false
    }
    // A memory or disk alarm: what would be sent would wait in the memory of this process.
    connection.on('blocked', () => {
      isBlocked = true
    })
    connection.on('unblocked', () => {
      isBlocked = false
    })
    connection.on('close', forget)
    connection.on('error', forget)
    const channel = await new Promise<ConfirmChannel>((resolve, reject) => {
      connection.createConfirmChannel((error, opened) => (error ? reject(error) : resolve(opened)))
    })
    channel.on('error', forget)
    channel.on('close', forget)
    return { channel, connection }
  }
  const get = () => {
    current ??= open().catch((error) => {
      current = undefined
      throw error
    })
    return current
  }
  return {
    pending: new Map<string, Promise<boolean>>(),
    isBlocked: () => isBlocked,
    get: async () => (await get()).channel,
    connection: async () => (await get()).connection,
    async close() {
      const open = await current?.catch(() => undefined)
      if (open) await new Promise<void>((resolve) => open.connection.close(() => resolve()))
    },
  }
}

/**
 * Resolves when the broker has answered for every message; adds the ids it confirmed as they come. What it has and has not
 * answered for is not sent again.
 */
async function publishAll(
  channel: ConfirmChannel,
  messages: readonly Message[],
  queueName: string,
  confirmed: Set<string>,
  pending: Map<string, Promise<boolean>>,
) {
  const send = (message: Message) => {
    const [exchange, key] = routeOf(message, queueName)
    const options = {
      persistent: true,
      contentType: 'application/json',
      messageId: message.id,
      headers: message.headers,
    }
    const sent = new Promise<boolean>((resolve) => {
      try {
        channel.publish(exchange, key, Buffer.from(JSON.stringify(message.body)), options, (error) =>
          resolve(!error),
        )
      } catch {
        // The channel ended a moment ago.
        resolve(false)
      }
    }).finally(() => pending.delete(message.id))
    pending.set(message.id, sent)
    return sent
  }
  await Promise.all(
    messages.map(async (message) => {
      if (await (pending.get(message.id) ?? send(message))) confirmed.add(message.id)
    }),
  )
}

function routeOf({ to, key }: Message, queueName: string): [exchange: string, key: string] {
  if (to === 'work') return [workExchange(queueName), WORK_KEY]
  if (to === 'dead') return ['', deadQueue(queueName)]
  return [appExchange(queueName), key]
}

/** Listens on a queue of this process alone; whenever that had to be made anew, messages may have been missed. */
async function listen(
  options: Options,
  closing: AbortSignal,
  handle: (body: Uint8Array) => void,
  onGap: () => void,
): Promise<Consumer> {
  const broker = await connect(liveTopology(options), options.log, closing, (up) => up && onGap())
  await keepSubscribed(broker, LIVE, {}, (_message, body) => handle(body), options.log)
  return { stop: () => broker.shutdown() }
}
