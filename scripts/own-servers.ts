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

/** Environment variables of a service that has a database and queues of its own on shared servers. */
export type ServerEnvironment = { DATABASE_URL: string; RABBITMQ_URL: string; QUEUE_NAME: string }

/** Runs `use` with an own database and own queue names, and drops them afterwards. `admin` may create databases. */
export async function withOwnServers<T>(
  servers: { postgresUrl: string; rabbitmqUrl: string },
  use: (env: ServerEnvironment) => Promise<T>,
): Promise<T> {
  const own = `photos_${randomBytes(6).toString('hex')}`
  await execute(servers.postgresUrl, `create database ${own}`)
  const url = new URL(servers.postgresUrl)
  url.pathname = `/${own}`
  try {
    return await use({ DATABASE_URL: url.href, RABBITMQ_URL: servers.rabbitmqUrl, QUEUE_NAME: own })
  } finally {
    await execute(servers.postgresUrl, `drop database ${own} with (force)`)
    await deleteTopology(servers.rabbitmqUrl, own)
  }
}

async function execute(url: string, statement: string): Promise<void> {
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
