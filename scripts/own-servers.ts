import { randomBytes } from 'node:crypto'
import amqplib from 'amqplib'
import pg from 'pg'
import {
  appExchange,
  deadQueue,
  notificationsQueue,
  uploadsQueue,
  workExchange,
} from '../lib/queue/topology.ts'
import { confirm } from './confirm.ts'

/** Environment variables of a service that has a database and queues of its own on shared servers. */
type ServerEnvironment = { DATABASE_URL: string; RABBITMQ_URL: string; QUEUE_NAME: string }

type Servers = { postgresUrl: string; rabbitmqUrl: string }

/** The servers that `TEST_DATABASE_URL` and `TEST_RABBITMQ_URL` name, else those of this machine. */
export const SERVERS: Servers = {
  postgresUrl: process.env.TEST_DATABASE_URL ?? 'postgres://postgres:postgres@127.0.0.1:5432/postgres',
  rabbitmqUrl: process.env.TEST_RABBITMQ_URL ?? 'amqp://guest:guest@127.0.0.1:5672',
}

/** The Redis server that `TEST_REDIS_URL` names, else that of this machine. */
export const REDIS_URL = process.env.TEST_REDIS_URL ?? 'redis://127.0.0.1:6379'

/** Whether these servers may be used: those that nobody has named only where a person agrees. */
export async function mayUseServers(how: string): Promise<boolean> {
  if (process.env.TEST_DATABASE_URL && process.env.TEST_RABBITMQ_URL) return true
  const [postgres, rabbitmq] = [SERVERS.postgresUrl, SERVERS.rabbitmqUrl].map((url) => new URL(url).host)
  return confirm(
    `Make a database on PostgreSQL at ${postgres} and queues on RabbitMQ at ${rabbitmq}, and drop them afterwards?`,
    `${how} does it, or name others in TEST_DATABASE_URL and TEST_RABBITMQ_URL`,
  )
}

/** Runs `use` with an own database and own queue names; drops them afterwards. The user of `postgresUrl` may create databases. */
export const withOwnServers = <T>(
  { postgresUrl, rabbitmqUrl }: Servers,
  use: (env: ServerEnvironment) => Promise<T>,
): Promise<T> =>
  withOwnQueues(rabbitmqUrl, (queues) =>
    withOwnDatabase(postgresUrl, (DATABASE_URL) => use({ ...queues, DATABASE_URL })),
  )

/** Runs `use` with the URL of a new, empty database, which it drops afterwards. */
export async function withOwnDatabase<T>(postgresUrl: string, use: (url: string) => Promise<T>): Promise<T> {
  const own = ownName()
  await execute(postgresUrl, `create database ${own}`)
  try {
    return await use(urlOf(postgresUrl, own))
  } finally {
    await execute(postgresUrl, `drop database ${own} with (force)`)
  }
}

/** Runs `use` with own queue names on a broker, and deletes what has them afterwards. */
export async function withOwnQueues<T>(
  rabbitmqUrl: string,
  use: (env: Omit<ServerEnvironment, 'DATABASE_URL'>) => Promise<T>,
): Promise<T> {
  const own = ownName()
  try {
    return await use({ RABBITMQ_URL: rabbitmqUrl, QUEUE_NAME: own })
  } finally {
    await deleteTopology(rabbitmqUrl, own)
  }
}

const ownName = () => `photos_${randomBytes(6).toString('hex')}`

/** The URL of another database of the same server. */
export const urlOf = (postgresUrl: string, name: string): string =>
  Object.assign(new URL(postgresUrl), { pathname: `/${name}` }).href

/** Executes a statement on a connection of its own. */
export async function execute(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

async function deleteTopology(url: string, own: string): Promise<void> {
  const connection = await amqplib.connect(url)
  const channel = await connection.createChannel()
  for (const queue of [own, deadQueue(own), uploadsQueue(own), notificationsQueue(own)])
    await channel.deleteQueue(queue)
  for (const exchange of [appExchange(own), workExchange(own)]) await channel.deleteExchange(exchange)
  await connection.close()
}
