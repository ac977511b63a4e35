import { setTimeout as delay } from 'node:timers/promises'
import type { ChannelModel } from 'amqplib'
import { betweenSweeps, findMissing, requeueLost } from '../../lib/photos/lost.ts'
import { connect, disconnect } from '../../lib/queue/connection.ts'
import { keepTopology } from '../../lib/queue/declare.ts'
import { readDepth } from '../../lib/queue/depth.ts'
import { deadQueue } from '../../lib/queue/topology.ts'
import type { DoctorApp, Finding } from './finding.ts'

/** Queues and exchanges that are missing, and queued photos of which the broker has no message. */
export async function* checkQueues(app: DoctorApp): AsyncGenerator<Finding> {
  const { rabbitmqUrl } = app.config
  if (!rabbitmqUrl) return
  const connection = await connect(rabbitmqUrl, () => {}).catch((error: Error) => error)
  if (connection instanceof Error) {
    yield { kind: 'brokers that cannot be reached', name: connection.message }
    return
  }
  const broker = { connection, url: rabbitmqUrl }
  try {
    yield* checkTopology(app, broker)
    yield* checkMessages(app, broker)
  } finally {
    await disconnect(connection)
  }
}

type Broker = { connection: ChannelModel; url: string }

async function* checkTopology(app: DoctorApp, broker: Broker): AsyncGenerator<Finding> {
  const make = async (thing: string) => {
    await findLacking(app, broker, app.config.topology)
    if ((await findLacking(app, broker)).includes(thing)) throw new Error('it is still missing')
  }
  for (const thing of await findLacking(app, broker)) {
    const [kind, name = ''] = thing.split(' ')
    yield { kind: `${kind}s that are missing`, name, mend: () => make(thing) }
  }
}

/** What the broker lacks; with `auto`, what is missing is declared. */
async function findLacking(
  { config, log }: DoctorApp,
  { connection, url }: Broker,
  topology: 'auto' | 'check' = 'check',
): Promise<string[]> {
  const silent = log.child({}, { level: 'silent' })
  const kept = keepTopology({ url, queueName: config.queueName, topology, log: silent })
  await kept.keep(connection)
  return kept.state().missing
}

async function* checkMessages(app: DoctorApp, broker: Broker): AsyncGenerator<Finding> {
  const { queueName } = app.config
  const { connection } = broker
  const dead = (await readDepth(connection, deadQueue(queueName))) ?? 0
  if (dead > 0) console.log(`${deadQueue(queueName)} holds ${dead} messages`)
  // What is missing holds nothing; of a broker that does not answer nothing is said.
  const isMissing = (await findLacking(app, broker)).includes(`queue ${queueName}`)
  const depth = () => (isMissing ? Promise.resolve(0) : readDepth(connection, queueName))
  const asked = { ...app, queue: { ...app.queue, depth } }
  const { expected, count } = await countLost(asked)
  if (count > 0)
    yield {
      kind: 'queues that have lost messages',
      name: `${queueName}: ${count} of ${expected} queued photos have none`,
      mend: () => queueAgain(asked),
    }
}

/** How many photos the queue lacks in two looks, as the sweep does; notes nothing of it. */
async function countLost(app: DoctorApp): Promise<{ expected: number; count: number }> {
  const first = await findMissing(app)
  if (first.missing.length === 0) return { ...first, count: 0 }
  await delay(betweenSweeps(app.config))
  const { expected, missing } = await findMissing(app)
  const before = new Set(first.missing.map(({ uuid }) => uuid))
  return { expected, count: missing.filter(({ uuid }) => before.has(uuid)).length }
}

/** Sweeps until nothing is lost that was missing at first; throws where something still is. */
async function queueAgain(app: DoctorApp): Promise<void> {
  await requeueLost(app)
  await delay(betweenSweeps(app.config))
  while ((await requeueLost(app)) > 0);
  const { count } = await countLost(app)
  if (count > 0) throw new Error(`${count} photos still have none`)
}
