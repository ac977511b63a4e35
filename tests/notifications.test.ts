import { Webhook } from 'standardwebhooks'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { deliver } from '../functions/schedules/deliver.ts'
import { openApp } from '../lib/app.ts'
import { readConfig } from '../lib/config/index.ts'
import { migrate } from '../lib/db/migrate.ts'
import { addPhotos } from '../lib/photos/add.ts'
import { findPhoto } from '../lib/photos/row.ts'
import { runRelay, runWorker } from '../scripts/serve/roles.ts'
import { isAvailable, SETUPS, withApp, withEnvironment } from './support/app.ts'
import { jpeg, sample } from './support/images.ts'
import { until } from './support/service.ts'
import { bytes, openSourceServer } from './support/source-server.ts'
import {
  byPath,
  deliveries,
  makeDue,
  noteFailure,
  openReceiver,
  targets,
  WEBHOOK_SECRET,
  withTargets,
} from './support/webhooks.ts'

const EMBEDDED = SETUPS[0]

/** Less than the 15 s that a target may take. */
const SOON_MS = 12_000

describe.for(SETUPS)('notifications on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('the whole service tells of every event, signed, once', async () => {
    const receiver = await openReceiver(byPath)
    const source = await openSourceServer({ '/a.jpg': bytes(await jpeg(sample(64, 48))) })
    await withApp(
      setup,
      async (app) => {
        const parts = [await runRelay(app), await runWorker(app)]
        const [done, lost] = await addPhotos(app, [
          { url: `${source.url}/a.jpg`, door: 'photos', queued: true },
          { url: `${source.url}/none.jpg`, door: 'photos', queued: true },
        ])
        await until(() => receiver.received.length >= 4)
        for (const part of parts.reverse()) await part.stop()
        const received = receiver.received.map(({ body, headers }) => {
          const event = new Webhook(WEBHOOK_SECRET).verify(body, headers) as {
            id: string
            type: string
            subject: string
          }
          expect(headers['webhook-id']).toBe(event.id)
          expect(() => new Webhook(WEBHOOK_SECRET).verify(`${body} `, headers)).toThrow()
          return `${event.type} ${event.subject}`
        })
        expect(received.sort()).toEqual(
          [
            `image.failed ${lost?.uuid}`,
            `image.processing ${done?.uuid}`,
            `image.processing ${lost?.uuid}`,
            `image.uploaded ${done?.uuid}`,
          ].sort(),
        )
        expect((await deliveries(app)).map(({ due, error, body }) => [due, error, body])).toEqual(
          Array.from({ length: 4 }, () => [null, null, null]),
        )
      },
      targets(receiver, '/200'),
    )
    await source.close()
    await receiver.close()
  })

  on('a restart keeps what is due', async () => {
    const receiver = await openReceiver(({ path }, response) =>
      response.writeHead(receiver.at(path).length === 1 ? 500 : 200).end(),
    )
    await withEnvironment(setup, async (env) => {
      const more = targets(receiver, '/hook')
      const first = await openApp(readConfig({ ...env, ...more }))
      await migrate(first.db)
      await noteFailure(first)
      expect(await deliver.run(first, `${receiver.url}/hook`)).toBe(1)
      await deliver.finish(first)
      await first.close()
      const second = await openApp(readConfig({ ...env, ...more }))
      const relay = await runRelay(second)
      await makeDue(second)
      await until(() => receiver.received.length === 2)
      await until(async () => (await deliveries(second))[0]?.due === null)
      await relay.stop()
      await second.close()
    })
    const [one, two] = receiver.received
    expect(two?.body).toBe(one?.body)
    await receiver.close()
  })
})

test('a target that does not answer delays neither photos nor other targets', async () => {
  const receiver = await openReceiver(byPath)
  const source = await openSourceServer({ '/a.jpg': bytes(await jpeg(sample(64, 48))) })
  await withApp(
    EMBEDDED,
    async (app) => {
      const parts = [await runRelay(app), await runWorker(app)]
      for (let i = 1; i <= 15; i++) {
        const [photo] = await addPhotos(app, [
          { url: `${source.url}/a.jpg?${i}`, door: 'photos', queued: true },
        ])
        await until(async () => (await findPhoto(app.db, photo?.uuid ?? '')).status === 'completed', SOON_MS)
        await until(() => receiver.at('/200').length === 2 * i, SOON_MS)
      }
      // What is held at once is bounded.
      expect(receiver.at('/slow').length).toBeGreaterThan(0)
      expect(receiver.at('/slow').length).toBeLessThanOrEqual(10)
      await receiver.close()
      for (const part of parts.reverse()) await part.stop()
    },
    targets(receiver, '/slow', '/200'),
  )
  await source.close()
})

test('an answer that never comes counts as a failure after 15 s', () =>
  withTargets(EMBEDDED, ['/slow'], async (app, receiver) => {
    await noteFailure(app)
    const { timeout } = AbortSignal
    const waits = vi.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => timeout(ms / 100))
    onTestFinished(() => waits.mockRestore())
    expect(await deliver.run(app, `${receiver.url}/slow`)).toBe(1)
    await deliver.finish(app)
    expect(waits.mock.calls).toEqual([[15_000]])
    expect(await deliveries(app)).toMatchObject([
      { error: 'The target did not answer within 15000 ms', attempts: 1 },
    ])
  }))
