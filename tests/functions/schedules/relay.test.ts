import { uuidv7 } from 'uuidv7'
import { describe, expect, test } from 'vitest'
import { relay } from '../../../functions/schedules/relay.ts'
import type { App } from '../../../lib/app.ts'
import { openApp } from '../../../lib/app.ts'
import { readConfig } from '../../../lib/config/index.ts'
import { migrate } from '../../../lib/db/migrate.ts'
import { nowPlus } from '../../../lib/db/port.ts'
import { isAvailable, SETUPS, withApp, withEnvironment } from '../../support/app.ts'
import { freePort, until } from '../../support/service.ts'
import { eventsOf, insertPhoto } from '../support.ts'

/** Events as a process left them that died before it published, due `dueInMs` from now. */
async function leaveEvents(app: App, count: number, dueInMs: number): Promise<string[]> {
  const uuids: string[] = []
  for (let i = 0; i < count; i++) uuids.push(await insertPhoto(app))
  const events = uuids.map((photo_uuid) => ({ id: uuidv7(), photo_uuid, type: 'image.queued' as const }))
  await app.db
    .insertInto('events')
    .values(events.map((event) => ({ ...event, publish_after: nowPlus(dueInMs) })))
    .execute()
  return uuids
}

/** What arrives at the workers while `use` runs, until as many messages as expected have. */
async function arriving(app: App, expected: number, use: () => Promise<void>): Promise<string[]> {
  const bodies: string[] = []
  const consumer = await app.queue.consume('work', 10, async ({ body }) => {
    bodies.push((JSON.parse(Buffer.from(body).toString()) as { photo_uuid: string }).photo_uuid)
  })
  await use()
  await until(() => bodies.length >= expected)
  await consumer.stop()
  return bodies.sort()
}

describe.for(SETUPS)('relay on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('publishes what is due and was not, once, and returns how much', () =>
    withApp(setup, async (app) => {
      expect(await relay.run(app)).toBe(0)
      const due = await leaveEvents(app, 3, -1_000)
      await leaveEvents(app, 2, 60_000)
      const counts: number[] = []
      const arrived = await arriving(app, 3, async () => {
        counts.push(await relay.run(app), await relay.run(app))
      })
      expect(counts).toEqual([3, 0])
      expect(arrived).toEqual(due.sort())
      const published = (await eventsOf(app, 'image.queued')).filter(({ published_at }) => published_at)
      expect(published.map(({ photo_uuid }) => photo_uuid).sort()).toEqual(due)
    }),
  )

  on('publishes each event once, though several relays run at once', () =>
    withApp(setup, async (app) => {
      const due = await leaveEvents(app, 40, -1_000)
      const counts: number[] = []
      const arrived = await arriving(app, 40, async () => {
        counts.push(...(await Promise.all([1, 2, 3, 4].map(() => relay.run(app)))))
      })
      expect(counts.reduce((sum, count) => sum + count)).toBe(40)
      expect(arrived).toEqual(due.sort())
    }),
  )

  on('leaves alone what belongs to the timeline only', () =>
    withApp(setup, async (app) => {
      const photo_uuid = await insertPhoto(app)
      await app.db.insertInto('events').values({ id: uuidv7(), photo_uuid, type: 'image.created' }).execute()
      expect(await relay.run(app)).toBe(0)
      expect(await eventsOf(app, 'image.created')).toMatchObject([{ published_at: null }])
    }),
  )
})

test('the relay returns 0 while the broker is away, and keeps what is due', () =>
  withEnvironment(SETUPS[0], async (env) => {
    const RABBITMQ_URL = `amqp://guest:guest@127.0.0.1:${await freePort()}`
    const app = await openApp(readConfig({ ...env, RABBITMQ_URL }))
    try {
      await migrate(app.db)
      await leaveEvents(app, 2, -1_000)
      expect(await relay.run(app)).toBe(0)
      const [event] = await eventsOf(app, 'image.queued')
      expect(event).toMatchObject({ published_at: null, publish_after: expect.any(String) })
    } finally {
      await app.close()
    }
  }))

test('the relay runs every second unless told', () => {
  expect(relay.every(readConfig({}))).toBe(1_000)
  expect(relay.every(readConfig({ RELAY_INTERVAL_MS: '250' }))).toBe(250)
})

test('the relay runs the oftener the smaller the window is', () => {
  expect(relay.every(readConfig({ QUEUE_WINDOW: '2000' }))).toBe(200)
  expect(relay.every(readConfig({ QUEUE_WINDOW: '100' }))).toBe(50)
  expect(relay.every(readConfig({ QUEUE_WINDOW: '100', RELAY_INTERVAL_MS: '20' }))).toBe(20)
})
