import type { Logger } from 'pino'
import { type AccessControl, openAccess } from './access/index.ts'
import { openCache } from './cache/index.ts'
import type { Cache } from './cache/port.ts'
import type { Config } from './config/index.ts'
import { openDb } from './db/index.ts'
import type { Db } from './db/port.ts'
import { openLog } from './log.ts'
import { type Metrics, openMetrics } from './metrics.ts'
import { openQueue } from './queue/index.ts'
import type { Queue } from './queue/port.ts'
import { type Contents, openContents } from './renditions/contents.ts'
import { openStorage } from './storage/index.ts'
import type { Storage } from './storage/port.ts'
import { openSupervision, type Supervision } from './supervision.ts'

/** What a function may use; all its effects go through here. */
export type App = {
  config: Config
  db: Db
  queue: Queue
  storage: Storage
  cache: Cache
  contents: Contents
  access: AccessControl
  log: Logger
  metrics: Metrics
  /** What of the process itself was tested at its start, with what came of it; `/readyz` shows it. */
  parts: Map<'imaging', 'up' | 'down'>
  /** Where the loops and consumers of this process report that they move; `/livez` shows it. */
  supervision: Supervision
  /** Aborts when the process is to stop: it takes no new work, and finishes what runs. */
  stopping: AbortSignal
  /** The `traceparent` of the request or attempt that is being served: what is stored and published carries it. */
  trace?: string
}

/** An app with what only the program does: `stop` aborts `stopping`, `close` ends all connections. */
export type OpenApp = App & { stop(): void; close(): Promise<void> }

/** Opens what the configuration names, each connecting when it is first needed. */
export async function openApp(config: Config): Promise<OpenApp> {
  const log = await openLog(config)
  const db = await openDb(config.databaseUrl)
  const supervision = openSupervision()
  const queue = await openQueue(config, log, supervision)
  const storage = await openStorage(config)
  const cache = await openCache(config, log)
  const stopping = new AbortController()
  return {
    config,
    db,
    queue,
    storage,
    cache,
    contents: openContents({ db, storage, cache }),
    access: openAccess(config, db),
    log,
    metrics: openMetrics(),
    parts: new Map(),
    supervision,
    stopping: stopping.signal,
    stop: () => stopping.abort(),
    async close() {
      await queue.close()
      await cache.close()
      await db.destroy()
    },
  }
}
