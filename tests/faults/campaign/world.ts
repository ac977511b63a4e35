import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { openDb } from '../../../lib/db/index.ts'
import type { Db } from '../../../lib/db/port.ts'
import type { Environment } from '../../support/app.ts'
import { jpeg, sample } from '../../support/images.ts'
import { type Proxy as Link, openProxy } from '../../support/proxy.ts'
import { openPostgresServer } from '../../support/servers/postgres.ts'
import type { OwnServer } from '../../support/servers/program.ts'
import { openRabbitMqServer, type RabbitMqServer } from '../../support/servers/rabbitmq.ts'
import { openRedis } from '../../support/servers/redis.ts'
import { bytes, openSourceServer } from '../../support/source-server.ts'
import { openReceiver, WEBHOOK_SECRET } from '../../support/webhooks.ts'
import { addressOf, through } from '../support.ts'
import { type Fleet, openFleet } from './fleet.ts'
import { type Heard, note, openListener } from './heard.ts'

/** How the service is set: quick to notice, and with more attempts than faults that a photo may meet. */
const HASTE: Environment = {
  LOG_LEVEL: 'warn',
  WORKER_THREADS: '1',
  LEASE_MS: '5000',
  SWEEP_INTERVAL_MS: '1000',
  RELAY_INTERVAL_MS: '200',
  RETRY_BASE_MS: '200',
  MAX_ATTEMPTS: '10',
  DOWNLOAD_TIMEOUT_MS: '2000',
}

/** How a photo is to end. */
export type Expected = 'completed' | 'failed'

/** A service in processes of its own, the servers that it uses, and all that was asked of it. */
export type World = {
  fleet: Fleet
  postgres: OwnServer
  rabbitmq: RabbitMqServer
  /** Between the service and its servers, and its sources. */
  links: Record<'database' | 'broker' | 'redis' | 'source', Link>
  storageDir: string
  /** Not through a link. */
  db: Db
  /** Where an image is at `/good.jpg`, and what is none at `/bad.jpg`. */
  sources: string
  image: Uint8Array
  /** The photos that the service has accepted. */
  accepted: Map<string, Expected>
  heard: { socket: Heard; webhook: Heard }
}

export type OpenWorld = World & { close(): Promise<void> }

/** Opens a world of its own; closing it leaves nothing behind. */
export async function openWorld(): Promise<OpenWorld> {
  const closers: (() => unknown)[] = []
  const closing = <T extends { close(): unknown }>(part: T): T => {
    closers.push(() => part.close())
    return part
  }
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer()
  }
  try {
    return { ...(await open(closing)), close }
  } catch (error) {
    await close()
    throw error
  }
}

async function open(closing: <T extends { close(): unknown }>(part: T) => T): Promise<World> {
  const directory = await mkdtemp(path.join(tmpdir(), 'campaign-'))
  closing({ close: () => rm(directory, { recursive: true, maxRetries: 5, retryDelay: 100 }) })
  const [postgres, rabbitmq, redis] = await Promise.all([
    openPostgresServer().then(closing),
    openRabbitMqServer().then(closing),
    openRedis().then(closing),
  ])
  const image = await jpeg(sample(640, 480))
  const source = closing(await openSourceServer({ '/good.jpg': bytes(image), '/bad.jpg': bytes('none') }))
  const link = async (url: string) => {
    const proxy = await openProxy(addressOf(url, 0))
    closing({ close: () => proxy.close().catch(() => {}) })
    return proxy
  }
  const links = {
    database: await link(postgres.url),
    broker: await link(rabbitmq.url),
    redis: await link(redis.url),
    source: await link(source.url),
  }
  const webhook: Heard = new Map()
  const receiver = closing(
    await openReceiver(({ body }, response) => {
      note(webhook, JSON.parse(body))
      response.writeHead(204).end()
    }),
  )
  const storageDir = path.join(directory, 'files')
  const fleet = closing(
    await openFleet({
      STORAGE_DIR: storageDir,
      DATABASE_URL: through(postgres.url, links.database.port),
      RABBITMQ_URL: through(rabbitmq.url, links.broker.port),
      REDIS_URL: through(redis.url, links.redis.port),
      WEBHOOK_URLS: receiver.url,
      WEBHOOK_SECRET,
      SOURCE_ALLOW_CIDRS: '127.0.0.1/32',
      ...HASTE,
    }),
  )
  const listener = closing(await openListener(fleet.url))
  const db = await openDb(postgres.url)
  closing({ close: () => db.destroy() })
  return {
    fleet,
    postgres,
    rabbitmq,
    links,
    storageDir,
    db,
    sources: through(source.url, links.source.port).replace(/\/$/, ''),
    image,
    accepted: new Map(),
    heard: { socket: listener.heard, webhook },
  }
}
