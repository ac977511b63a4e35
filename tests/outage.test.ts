import amqplib from 'amqplib'
import { expect, inject, test } from 'vitest'
import { openApp } from '../lib/app.ts'
import { readConfig } from '../lib/config/index.ts'
import { migrate } from '../lib/db/migrate.ts'
import { addPhotos } from '../lib/photos/add.ts'
import { requestProcessing } from '../lib/photos/request.ts'
import { runApi, runRelay, runWorker } from '../scripts/serve/roles.ts'
import { addressOf, through } from './faults/support.ts'
import { type Environment, isAvailable, SETUPS, withEnvironment } from './support/app.ts'
import { jpeg, sample } from './support/images.ts'
import { openProxy } from './support/proxy.ts'
import { DEADLINE_MS, freePort, until } from './support/service.ts'
import { bytes, openSourceServer } from './support/source-server.ts'

const SERVERS = SETUPS[1]
const available = isAvailable(SERVERS)

/** The whole service in this process, with a source server that counts; stops all of it afterwards. */
async function withService(
  env: Environment,
  use: (service: Awaited<ReturnType<typeof openService>>) => Promise<void>,
): Promise<void> {
  const service = await openService(env)
  try {
    await use(service)
  } finally {
    await service.close()
  }
}

async function openService(env: Environment) {
  const source = await openSourceServer({ '/photo.jpg': bytes(await jpeg(sample(32, 32))) })
  const port = await freePort()
  const app = await openApp(readConfig({ ...env, PORT: String(port) }))
  await migrate(app.db)
  const parts = [await runRelay(app), await runApi(app)]
  return {
    app,
    url: `http://127.0.0.1:${port}`,
    startWorker: async () => parts.push(await runWorker(app)),
    async addPhotos(count: number): Promise<string[]> {
      const urls = Array.from({ length: count }, (_, i) => `${source.url}/photo.jpg?${i}`)
      return (
        await addPhotos(
          app,
          urls.map((url) => ({ url, door: 'photos' })),
        )
      ).map(({ uuid }) => uuid)
    },
    async completed(): Promise<number> {
      const rows = await app.db
        .selectFrom('photos')
        .select('uuid')
        .where('status', '=', 'completed')
        .execute()
      return rows.length
    },
    async completions(): Promise<number> {
      const rows = await app.db
        .selectFrom('events')
        .select('id')
        .where('type', '=', 'image.uploaded')
        .execute()
      return rows.length
    },
    async close() {
      for (const part of parts.reverse()) await part.stop()
      await app.close()
      await source.close()
    },
  }
}

const ask = (url: string, uuids: string[]) =>
  fetch(`${url}/photos/process`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(uuids),
  })

test.skipIf(!available)(
  '200 photos requested while the broker is away complete when it is back, each once',
  () =>
    withEnvironment(SERVERS, async (env) => {
      const proxy = await openProxy(addressOf(inject('rabbitmqUrl') ?? '', 5672))
      await withService(
        { ...env, RABBITMQ_URL: through(env.RABBITMQ_URL ?? '', proxy.port) },
        async (service) => {
          await service.startWorker()
          const uuids = await service.addPhotos(200)
          await proxy.cut()
          await until(() => !service.app.queue.isUp())
          const answer = await ask(service.url, uuids)
          expect(answer.status).toBe(202)
          const ready = await fetch(`${service.url}/readyz`)
          expect([ready.status, await ready.json()]).toMatchObject([
            200,
            {
              status: 'degraded',
              checks: { database: 'up', storage: 'up', queue: 'down', cache: 'up', imaging: 'up' },
            },
          ])
          expect(await service.completed()).toBe(0)
          await proxy.restore()
          await until(async () => (await service.completed()) === 200, DEADLINE_MS, service.completed)
          expect(await service.completions()).toBe(200)
        },
      )
      await proxy.close()
    }),
)

test.skipIf(!available)("photos whose messages were purged from the broker's queue complete", () =>
  withEnvironment(SERVERS, async (env) => {
    await withService(env, async (service) => {
      const uuids = await service.addPhotos(50)
      const { accepted } = await requestProcessing(service.app, uuids, false)
      expect(accepted).toHaveLength(50)
      const connection = await amqplib.connect(env.RABBITMQ_URL ?? '')
      const channel = await connection.createChannel()
      expect((await channel.purgeQueue(env.QUEUE_NAME ?? '')).messageCount).toBe(50)
      await connection.close()
      await service.startWorker()
      await until(async () => (await service.completed()) === 50, DEADLINE_MS, service.completed)
      expect(await service.completions()).toBe(50)
    })
  }),
)

test.skipIf(!available)(
  'while the database is away requests answer 503, and work goes on when it is back',
  () =>
    withEnvironment(SERVERS, async (env) => {
      const unhandled: unknown[] = []
      const collect = (error: unknown) => unhandled.push(error)
      process.on('unhandledRejection', collect)
      const proxy = await openProxy(addressOf(inject('postgresUrl') ?? '', 5432))
      await withService(
        { ...env, DATABASE_URL: through(env.DATABASE_URL ?? '', proxy.port) },
        async (service) => {
          const uuids = await service.addPhotos(60)
          expect((await ask(service.url, uuids)).status).toBe(202)
          await service.startWorker()
          await until(async () => (await service.completed()) > 0)
          await proxy.cut()
          const answer = await fetch(`${service.url}/photos/pending`)
          expect(answer.status).toBe(503)
          expect(answer.headers.get('retry-after')).toBe('2')
          expect(await answer.json()).toEqual({
            type: 'about:blank',
            title: 'Service Unavailable',
            status: 503,
            detail: 'The database cannot be reached now; try again',
            code: 'database-unavailable',
          })
          expect((await fetch(`${service.url}/readyz`)).status).toBe(503)
          expect((await fetch(`${service.url}/healthz`)).status).toBe(200)
          await proxy.restore()
          await until(async () => (await service.completed()) === 60, DEADLINE_MS, service.completed)
          expect(await service.completions()).toBe(60)
        },
      )
      await proxy.close()
      process.off('unhandledRejection', collect)
      expect(unhandled).toEqual([])
    }),
)
