import rascal from 'rascal'
import { nowPlus } from '../../lib/db/port.ts'
import { PUBLISHED } from '../../lib/outbox/lanes.ts'
import { record } from '../../lib/outbox/record.ts'
import { openQueue } from '../../lib/queue/index.ts'
import { deadQueue, notificationsQueue, uploadsQueue } from '../../lib/queue/topology.ts'
import { BATCH, type DoctorApp, type Finding } from './finding.ts'

type Counts = { messageCount: number; consumerCount: number }

/** Queues that are missing, and queued photos of which the broker has no message. */
export async function* checkQueues(app: DoctorApp): AsyncGenerator<Finding> {
  const { rabbitmqUrl, queueName, prefetch } = app.config
  if (!rabbitmqUrl) return
  const counts = await countMessages(rabbitmqUrl, queueName).catch((error: Error) => error)
  if (counts instanceof Error) {
    yield { kind: 'brokers that cannot be reached', name: counts.message }
    return
  }
  for (const [name, count] of counts)
    if (!count) yield { kind: 'queues that are missing', name, mend: () => makeQueues(app) }
  const dead = counts.get(deadQueue(queueName))?.messageCount ?? 0
  if (dead > 0) console.log(`${deadQueue(queueName)} holds ${dead} messages`)
  const work = counts.get(queueName) ?? { messageCount: 0, consumerCount: 0 }
  const queued = await countQueued(app)
  // A consumer may hold as many as its prefetch, and the broker does not say how many.
  const lost = queued - work.messageCount - work.consumerCount * prefetch
  if (lost > 0)
    yield {
      kind: 'queues that have lost messages',
      name: `${queueName}: ${lost} of ${queued} queued photos have none`,
      mend: () => queueAgain(app),
    }
}

/** Whoever opens the queue declares what is missing. */
async function makeQueues({ config, log }: DoctorApp): Promise<void> {
  const queue = await openQueue(config, log)
  try {
    await queue.publish([], OPEN_MS)
    if (!queue.isUp()) throw new Error('The broker cannot be reached')
  } finally {
    await queue.close()
  }
}

/** Longest wait for the broker, in ms. */
const OPEN_MS = 10_000

type Channel = {
  checkQueue(name: string, done: (error: Error | null, counts: Counts) => void): void
  on(event: 'error', listener: () => void): void
}
type Connection = {
  close(done: () => void): void
  createChannel(done: (error: Error | null, channel: Channel) => void): void
}

/** What each of our queues holds; undefined for one that is missing. Makes none. */
async function countMessages(url: string, queueName: string): Promise<Map<string, Counts | undefined>> {
  const vhosts = { '/': { connection: { url, socketOptions: { timeout: 5_000 } } } }
  const broker = await rascal.BrokerAsPromised.create(rascal.withDefaultConfig({ vhosts }))
  broker.on('error', () => {})
  // Typed as if it returned nothing; it resolves to a connection of amqplib's callback API.
  const connection = await (broker.connect('/') as Promise<unknown> as Promise<Connection>)
  try {
    const counts = new Map<string, Counts | undefined>()
    for (const queue of [queueName, deadQueue, uploadsQueue, notificationsQueue]) {
      const name = typeof queue === 'string' ? queue : queue(queueName)
      counts.set(name, await countIn(connection, name))
    }
    return counts
  } finally {
    await new Promise<void>((resolve) => connection.close(() => resolve()))
    await broker.shutdown()
  }
}

/** On a channel of its own: the broker closes it where there is no such queue. */
const countIn = (connection: Connection, name: string) =>
  new Promise<Counts | undefined>((resolve, reject) => {
    connection.createChannel((error, channel) => {
      if (error) return reject(error)
      channel.on('error', () => resolve(undefined))
      channel.checkQueue(name, (missing, counts) => resolve(missing ? undefined : counts))
    })
  })

/** Photos of which the broker should have a message: queued, not held back, and published a while ago. */
const selectQueued = ({ db }: Pick<DoctorApp, 'db'>) =>
  db
    .selectFrom('photos')
    .where(PUBLISHED)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('events')
            .select('id')
            .whereRef('events.photo_uuid', '=', 'photos.uuid')
            .where('events.type', '=', 'image.queued')
            .where((eb) =>
              eb.or([eb('published_at', 'is', null), eb('published_at', '>', nowPlus(-SETTLED_MS))]),
            ),
        ),
      ),
    )

/** Younger messages may not be counted yet, in ms. */
const SETTLED_MS = 10_000

async function countQueued(app: DoctorApp): Promise<number> {
  const { count } = await selectQueued(app)
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  return Number(count)
}

/** A second message of a photo that still has one is acknowledged and ignored. */
async function queueAgain(app: DoctorApp): Promise<void> {
  for (;;) {
    const queued = await record(app, async (tx, emit) => {
      const photos = await selectQueued({ db: tx }).select(['uuid', 'traceparent']).limit(BATCH).execute()
      for (const { uuid, traceparent } of photos)
        emit({ type: 'image.queued', photoUuid: uuid, detail: 'The broker lost the message', traceparent })
      return photos.length
    })
    if (queued === 0) return
  }
}
