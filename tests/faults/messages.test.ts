import { setTimeout as delay } from 'node:timers/promises'
import { uuidv7 } from 'uuidv7'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type App, openApp } from '../../lib/app.ts'
import { readConfig } from '../../lib/config/index.ts'
import { chunks, nowPlus } from '../../lib/db/port.ts'
import { GRACE_MS } from '../../lib/outbox/insert.ts'
import { relayEvents } from '../../lib/outbox/relay.ts'
import { claim } from '../../lib/photos/attempt.ts'
import { requestProcessing } from '../../lib/photos/request.ts'
import { runRelay } from '../../scripts/serve/roles.ts'
import { eventsOf } from '../functions/support.ts'
import { type Environment, isAvailable, SETUPS, withEnvironment } from '../support/app.ts'
import { openRabbitMqServer, type RabbitMqServer } from '../support/servers/rabbitmq.ts'
import { DEADLINE_MS, until } from '../support/service.ts'

const SERVERS = SETUPS[1]
const available = isAvailable(SERVERS)

let broker: RabbitMqServer

beforeAll(async () => {
  if (available) broker = await openRabbitMqServer()
})

afterAll(() => broker?.close())

/** Runs `use` with two apps, as two processes have them, on a broker that may be told what to do. */
async function withApps(use: (one: App, other: App) => Promise<void>, more: Environment = {}): Promise<void> {
  await withEnvironment(
    SERVERS,
    async (env) => {
      const config = readConfig({ ...env, RABBITMQ_URL: broker.url, ...more })
      const [one, other] = [await openApp(config), await openApp(config)]
      try {
        await until(async () => (await one.queue.depth()) === 0 && (await other.queue.depth()) === 0)
        await use(one, other)
      } finally {
        await one.close()
        await other.close()
      }
    },
    'migrated',
  )
}

async function queue(app: App, count: number): Promise<void> {
  const rows = Array.from({ length: count }, () => ({ uuid: uuidv7(), url: 'https://example.com/a.jpg' }))
  for (const part of chunks(rows)) await app.db.insertInto('photos').values(part).execute()
  await requestProcessing(
    app,
    rows.map(({ uuid }) => uuid),
    false,
  )
}

const countPending = async ({ db }: App) =>
  (
    await db
      .selectFrom('photos')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .where('status', '=', 'pending')
      .executeTakeFirstOrThrow()
  ).count

const countUnpublished = async (app: App) =>
  (await eventsOf(app, 'image.queued')).filter(({ published_at }) => published_at === null).length

test.skipIf(!available)('10,000 photos that have waited for an hour are no more messages than photos', () =>
  withApps(async (app, other) => {
    await queue(app, 10_000)
    while ((await relayEvents(app)) > 0 || (await countUnpublished(app)) > 0);
    await app.db
      .updateTable('photos')
      .set({ queued_at: nowPlus(-3_600_000) })
      .execute()
    await app.db
      .updateTable('events')
      .set({ published_at: nowPlus(-3_600_000) })
      .execute()
    let sweeps = 0
    const depth = () => {
      sweeps++
      return other.queue.depth()
    }
    const relay = await runRelay({ ...other, queue: { ...other.queue, depth } })
    // A slow worker, which has some messages at hand.
    const consumer = await app.queue.consume('work', 20, async ({ body }) => {
      const { photo_uuid } = JSON.parse(Buffer.from(body).toString()) as { photo_uuid: string }
      await claim(app, photo_uuid)
      await app.db.updateTable('photos').set({ status: 'completed' }).where('uuid', '=', photo_uuid).execute()
      await delay(200)
    })
    await until(async () => {
      const pending = await countPending(app)
      expect((await other.queue.depth()) ?? 0).toBeLessThanOrEqual(pending * 1.05)
      return sweeps >= 40 && pending <= 9_500
    })
    await consumer.stop()
    await relay.stop()
    const events = (await eventsOf(app, 'image.queued')).length
    expect(events).toBeLessThanOrEqual(10_000 * 1.05)
  }),
)

test.skipIf(!available)('photos whose messages are gone from the queue are queued again, in two sweeps', () =>
  withApps(async (app, other) => {
    await queue(app, 1_200)
    await until(async () => (await app.queue.depth()) === 1_200)
    await broker.control('purge_queue', app.config.queueName)
    const relay = await runRelay(other)
    await until(async () => (await app.queue.depth()) === 1_200, DEADLINE_MS)
    await relay.stop()
    expect(await eventsOf(app, 'image.queued')).toHaveLength(2_400)
  }),
)

test.skipIf(!available)('what the broker has and does not confirm during its memory alarm comes once', () =>
  withApps(async (app, other) => {
    await broker.control('set_vm_memory_high_watermark', 'absolute', '1MB')
    const relay = await runRelay(other)
    try {
      for (let i = 0; i < 4; i++) await queue(app, 50)
      // Long enough for a relay that takes them for left behind, several times.
      await delay(3 * GRACE_MS)
      expect(await countUnpublished(app)).toBeGreaterThan(100)
    } finally {
      await broker.control('set_vm_memory_high_watermark', '0.6')
    }
    await until(
      async () => (await countUnpublished(app)) === 0,
      DEADLINE_MS,
      () => countUnpublished(app),
    )
    await relay.stop()
    await until(async () => ((await app.queue.depth()) ?? 0) >= 200)
    expect(await app.queue.depth()).toBe(200)
  }),
)
