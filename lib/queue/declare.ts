import { setTimeout as delay } from 'node:timers/promises'
import type { Channel, ChannelModel } from 'amqplib'
import type { Logger } from 'pino'
import type rascal from 'rascal'
import { openInspector } from './connection.ts'
import type { TopologyState } from './port.ts'
import type { Part } from './subscription.ts'
import { topology } from './topology.ts'

/** Longest that the declaration of what is missing may take, in ms. */
const DECLARE_DEADLINE_MS = 4_000

type Options = { url: string; queueName: string; topology: 'auto' | 'check'; log: Logger }

type Topology = {
  state(): TopologyState
  /** Looks for what differs, once a connection, and binds again what somebody may have unbound. */
  bind(connection: ChannelModel): Promise<void>
}

const DURABLE = { durable: true }

/**
 * Looks whether all of the topology is there, and has Rascal declare what is missing. Whoever declared first is
 * respected: what is there is used as it is. With `check` nothing is declared.
 */
export function keepTopology(options: Options): Part & Topology {
  const { queueName, log } = options
  const wanted = topology(queueName)
  let missing: string[] = []
  let differs: string[] = []
  let isCompared = false
  let mayDeclare = options.topology === 'auto'
  const unbindable = new Set<unknown>()

  const things = [
    ...Object.entries(wanted.exchanges).map(([name, type]) => ({
      name: `exchange ${name}`,
      check: (channel: Channel) => channel.checkExchange(name),
      assert: (channel: Channel) => channel.assertExchange(name, type, DURABLE),
    })),
    ...wanted.queues.map((name) => ({
      name: `queue ${name}`,
      check: (channel: Channel) => channel.checkQueue(name),
      assert: (channel: Channel) => channel.assertQueue(name, DURABLE),
    })),
  ]

  const look = async ({ refusal }: Inspector) => {
    const found: string[] = []
    for (const { name, check } of things) if (await refusal(check)) found.push(name)
    return found
  }

  const declare = async () => {
    log.info({ missing }, 'the broker lacks queues or exchanges, they are declared')
    try {
      await declareByRascal(options, missing)
      missing = []
    } catch (error) {
      // Refused once, it would be refused as long as the broker lives.
      mayDeclare = !/ACCESS_REFUSED/.test(String(error))
      log.error({ err: (error as Error).message }, 'cannot declare queues and exchanges')
    }
  }

  /** What is declared as it is already is accepted; else the broker says what differs. */
  const compare = async ({ refusal }: Inspector) => {
    const found: string[] = []
    for (const { name, assert } of things) {
      const difference = missing.includes(name) ? undefined : await refusal(assert)
      if (difference) found.push(difference)
    }
    if (found.length > 0 && String(found) !== String(differs))
      log.warn({ differs: found }, 'not as this service declares it, and used as it is')
    differs = found
    isCompared = true
  }

  const bind = async ({ refusal }: Inspector) => {
    for (const binding of wanted.bindings) {
      if (unbindable.has(binding)) continue
      const { source, destination, bindingKey } = binding
      const refused = await refusal((channel) => channel.bindQueue(destination, source, bindingKey))
      if (!refused || refused.startsWith('NOT_FOUND')) continue
      unbindable.add(binding)
      log.warn({ destination, source, bindingKey, refused }, 'cannot bind')
    }
  }

  return {
    state: () => ({ missing, differs }),
    async keep(connection) {
      const inspector = openInspector(connection)
      const before = String(missing)
      missing = await look(inspector)
      if (missing.length > 0 && mayDeclare) await declare()
      if (missing.length > 0 && String(missing) !== before)
        log.error({ missing }, 'the broker lacks queues or exchanges')
      await inspector.close()
    },
    async bind(connection) {
      if (options.topology === 'check') return
      const inspector = openInspector(connection)
      if (!isCompared) await compare(inspector)
      await bind(inspector)
      await inspector.close()
    },
    drop() {
      isCompared = false
      mayDeclare = options.topology === 'auto'
    },
  }
}

type Inspector = ReturnType<typeof openInspector>

/** Declares what is missing, and the bindings, over a connection of Rascal's own. */
async function declareByRascal({ url, queueName }: Options, missing: readonly string[]): Promise<void> {
  // Most processes find everything there, and need not load it.
  const { default: rascal } = await import('rascal')
  const { exchanges, queues, bindings } = topology(queueName)
  const pool = { min: 0, max: 1 }
  const config = rascal.withDefaultConfig({
    vhosts: {
      '/': {
        connection: { url },
        publicationChannelPools: { regularPool: pool, confirmPool: pool },
        exchanges: Object.fromEntries(
          Object.entries(exchanges).map(([name, type]) => [
            name,
            { type, options: DURABLE, assert: missing.includes(`exchange ${name}`) },
          ]),
        ),
        queues: Object.fromEntries(
          queues.map((name) => [name, { options: DURABLE, assert: missing.includes(`queue ${name}`) }]),
        ),
        bindings,
      },
    },
  } as unknown as rascal.BrokerConfig)
  const declaring = rascal.BrokerAsPromised.create(config)
  const closed = declaring.then((broker) => {
    broker.on('error', () => {})
    return broker.shutdown()
  })
  const late = delay(DECLARE_DEADLINE_MS, undefined, { ref: false }).then(() => {
    throw new Error('the broker does not answer')
  })
  await Promise.race([closed, late])
}
