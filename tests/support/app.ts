import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { inject } from 'vitest'
import { type App, openApp } from '../../lib/app.ts'
import { readConfig } from '../../lib/config/index.ts'
import { openWorker, type WorkerApp } from '../../lib/worker.ts'
import { withOwnDatabase, withOwnQueues } from '../../scripts/own-servers.ts'
import { withCopy } from './migrated-database.ts'

export type Environment = Record<string, string>

/** What the service may run on: nothing else, and the real servers. */
export const SETUPS = [
  { name: 'embedded', servers: false },
  { name: 'PostgreSQL and RabbitMQ', servers: true },
] as const

export type Setup = (typeof SETUPS)[number]

/** Whether a set-up can be tested here. */
export const isAvailable = (setup: Setup) =>
  !setup.servers || (inject('postgresUrl') !== undefined && inject('rabbitmqUrl') !== undefined)

/**
 * Runs `use` with the environment of a service of its own: directory, queue names, and a database that is empty, or
 * migrated. Leaves nothing behind.
 */
export async function withEnvironment<T>(
  setup: Setup,
  use: (env: Environment) => Promise<T>,
  database: 'empty' | 'migrated' = 'empty',
): Promise<T> {
  const templates = database === 'migrated' ? inject('templates') : undefined
  const directory = await mkdtemp(path.join(tmpdir(), 'photos-'))
  const env: Environment = {
    STORAGE_DIR: path.join(directory, 'files'),
    DATABASE_URL: `sqlite:${path.join(directory, 'photos.db')}`,
    SOURCE_ALLOW_CIDRS: '127.0.0.1/32',
    LOG_LEVEL: 'silent',
    WORKER_THREADS: '1',
    LEASE_MS: '5000',
    SWEEP_INTERVAL_MS: '200',
    RELAY_INTERVAL_MS: '100',
    RETRY_BASE_MS: '50',
    PORT: '0',
  }
  try {
    if (setup.servers) {
      const [postgresUrl, rabbitmqUrl] = [inject('postgresUrl') ?? '', inject('rabbitmqUrl') ?? '']
      const template = templates?.postgres
      const withDatabase = (use: (url: string) => Promise<T>) =>
        template ? withCopy(postgresUrl, template, use) : withOwnDatabase(postgresUrl, use)
      return await withOwnQueues(rabbitmqUrl, (queues) =>
        withDatabase((DATABASE_URL) => use({ ...env, ...queues, DATABASE_URL })),
      )
    }
    if (templates) await copyFile(templates.sqlite, path.join(directory, 'photos.db'))
    return await use(env)
  } finally {
    await rm(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  }
}

/** Runs `use` with an open app on a set-up of its own, whose database is migrated. */
export function withApp<T>(setup: Setup, use: (app: App) => Promise<T>, more: Environment = {}): Promise<T> {
  const open = async (env: Environment) => {
    const app = await openApp(readConfig({ ...env, ...more }))
    try {
      return await use(app)
    } finally {
      await app.close()
    }
  }
  return withEnvironment(setup, open, 'migrated')
}

/** The same with an app that can process photos. */
export function withWorker<T>(
  setup: Setup,
  use: (app: WorkerApp) => Promise<T>,
  more: Environment = {},
): Promise<T> {
  return withApp(
    setup,
    async (app) => {
      const worker = openWorker(app)
      try {
        return await use(worker)
      } finally {
        await worker.close()
      }
    },
    more,
  )
}

/** The same where renders run in this process: a thread of its own takes a while to start. */
export const withInlineWorker = <T>(
  setup: Setup,
  use: (app: WorkerApp) => Promise<T>,
  more: Environment = {},
): Promise<T> => withWorker(setup, use, { WORKER_THREADS: '0', ...more })
