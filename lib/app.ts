import type { Logger } from 'pino'
import { type Cache, openCache } from './cache/index.ts'
import type { Config } from './config/index.ts'
import { type Db, openDb } from './db/index.ts'
import { openLog } from './log.ts'
import { type Metrics, openMetrics } from './metrics.ts'
import { type Contents, openContents } from './photos/contents.ts'
import type { Queue } from './queue/index.ts'
import { openStorage, type Storage } from './storage/index.ts'

/** What a function may use; all its effects go through here. */
export type App = {
  config: Config
  db: Db
  queue: Queue
  storage: Storage
  cache: Cache
  contents: Contents
  log: Logger
  metrics: Metrics
  /** The `traceparent` of the request or attempt that is being served: what is stored and published carries it. */
  trace?: string
}

/** Opens what the configuration names, each connecting when it is first needed. */
export async function openApp(config: Config): Promise<App & { close(): Promise<void> }> {
  const log = await openLog(config)
  const db = await openDb(config.databaseUrl)
  const queue = await openQueue(config, log)
  const storage = await openStorage(config)
  const cache = await openCache(config, log)
  return {
    config,
    db,
    queue,
    storage,
    cache,
    contents: openContents({ db, storage, cache }),
    log,
    metrics: openMetrics(db),
    async close() {
      await queue.close()
      await cache.close()
      await db.destroy()
    },
  }
}

async function openQueue(config: Config, log: Logger): Promise<Queue> {
  const { rabbitmqUrl: url, queueName, prefetch } = config
  if (!url) return (await import('./queue/memory.ts')).openMemoryQueue()
  return (await import('./queue/rabbitmq.ts')).openRabbitMq({ url, queueName, prefetch, log })
}
