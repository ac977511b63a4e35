import { describe, expect, test } from 'vitest'
import { isAvailable, SETUPS, withApp } from '../../support/app.ts'
import { stopClock } from '../../support/clock.ts'
import { until } from '../../support/service.ts'
import { insertPhoto, withServer } from '../support.ts'
import { connect, happen } from './clients.ts'

describe.for(SETUPS)('sockets on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('tell each client what it subscribed to, until it unsubscribes', () =>
    withApp(setup, (app) =>
      withServer(app, async (url) => {
        const [one, two, none] = [
          await insertPhoto(app, { project_id: 1, door: 'projects' }),
          await insertPhoto(app, { project_id: 2, door: 'projects' }),
          await insertPhoto(app),
        ]
        const clients = await Promise.all([1, 2, 3].map(() => connect(`${url}/ws`)))
        const [project, photo, all] = clients as [
          Awaited<ReturnType<typeof connect>>,
          Awaited<ReturnType<typeof connect>>,
          Awaited<ReturnType<typeof connect>>,
        ]
        project.say({ subscribe: 1 })
        photo.say({ subscribe: two.toUpperCase() })
        all.say({ subscribe: 'all' })
        await until(() => clients.every(({ got }) => got.length === 1))
        expect(clients.map(({ got }) => got[0])).toEqual([
          { subscribed: 1 },
          { subscribed: two },
          { subscribed: 'all' },
        ])
        // A broker binds the listener's queue a moment after the server listens.
        await until(async () => {
          await happen(app, one)
          return all.subjects().length > 0
        })
        await happen(app, two)
        await happen(app, none)
        await until(() => all.subjects().includes(none))
        await until(() => photo.subjects().length === 1 && project.subjects().length > 0)
        expect(new Set(project.subjects())).toEqual(new Set([one]))
        expect(photo.subjects()).toEqual([two])
        expect(project.got.find(({ type }) => type)).toMatchObject({
          specversion: '1.0',
          type: 'image.uploaded',
          subject: one,
          data: {
            photo_uuid: one,
            project_id: 1,
            status: 'pending',
            state: 'uploaded',
            versions: {},
            thumbnails: [],
            error: null,
          },
        })
        project.say({ unsubscribe: 1 })
        await until(() => project.got.some((message) => 'unsubscribed' in message))
        const before = project.subjects().length
        await happen(app, one)
        await until(() => all.subjects().filter((subject) => subject === one).length > before)
        // What comes by the same socket comes in order.
        project.say({ subscribe: two })
        await until(() =>
          project.got.some((message) => 'subscribed' in message && message.subscribed === two),
        )
        await happen(app, two)
        await until(() => project.subjects().includes(two))
        expect(project.subjects()).toHaveLength(before + 1)
        for (const { socket } of clients) socket.terminate()
      }),
    ),
  )
})

test('what makes no sense is answered, and the socket goes on', () =>
  withApp(SETUPS[0], (app) =>
    withServer(app, async (url) => {
      const pass = stopClock()
      const client = await connect(`${url}/ws`)
      const nonsense: [unknown, string][] = [
        ['{', 'malformed-json'],
        ['null', 'unknown-message'],
        [[], 'unknown-message'],
        [{ subscribe: 1, unsubscribe: 1 }, 'unknown-message'],
        [{ subscribe: -1 }, 'invalid-subscription'],
        [{ subscribe: 1.5 }, 'invalid-subscription'],
        [{ subscribe: 2 ** 53 }, 'invalid-subscription'],
        [{ subscribe: 'some' }, 'invalid-subscription'],
        [{ subscribe: { id: 1 } }, 'invalid-subscription'],
        [{ subscribe: 1, after: 'x' }, 'invalid-cursor'],
        [{ subscribe: 1, after: 1 }, 'invalid-cursor'],
      ]
      for (const [message] of nonsense) client.say(message)
      client.socket.send(Buffer.from([1, 2, 3]))
      await until(() => client.got.length === nonsense.length + 1)
      expect(client.got.map(({ error }) => error?.code)).toEqual([
        ...nonsense.map(([, code]) => code),
        'malformed-json',
      ])
      for (let id = 1; id <= 101; id++) {
        // A client may send 20 messages a second.
        pass(50)
        client.say({ subscribe: id })
        await until(() => client.got.length === nonsense.length + 1 + id)
      }
      client.say({ subscribe: 5 })
      await until(() => client.got.length === nonsense.length + 103)
      expect(client.got.at(-2)?.error?.code).toBe('too-many-subscriptions')
      expect(client.got.at(-1)).toEqual({ subscribed: 5 })
      const day = 24 * 3_600_000
      const old = (Date.now() - 2 * day).toString(16).padStart(12, '0')
      client.say({ subscribe: 5, after: `${old.slice(0, 8)}-${old.slice(8)}-7000-8000-000000000000` })
      await until(() => client.got.length === nonsense.length + 104)
      expect(client.got.at(-1)).toEqual({ subscribed: 5, reset: true })
      client.say('x'.repeat(70_000))
      await until(() => client.closed() !== undefined)
      expect(client.closed()).toBe(1009)
      expect((await fetch(`${url}/ws`)).status).toBe(426)
    }),
  ))

test('a client that does not read is dropped with 1013, and others hear in time', () =>
  withApp(SETUPS[0], (app) =>
    withServer(app, async (url) => {
      const uuid = await insertPhoto(app, {
        name: 'x'.repeat(200),
        project_id: 1,
        door: 'projects',
        status: 'failed',
        error: 'e'.repeat(60_000),
        error_code: 'e',
      })
      const [slow, quick] = [await connect(`${url}/ws`), await connect(`${url}/ws`)]
      slow.say({ subscribe: 1 })
      quick.say({ subscribe: 1 })
      await until(() => slow.got.length + quick.got.length === 2)
      slow.socket.pause()
      for (let i = 1; i <= 150; i++) {
        await happen(app, uuid)
        await until(() => quick.subjects().length === i)
      }
      slow.socket.resume()
      await until(() => slow.closed() !== undefined)
      expect(slow.closed()).toBe(1013)
      expect(slow.subjects().length).toBeLessThan(150)
      expect(quick.closed()).toBeUndefined()
      quick.socket.terminate()
    }),
  ))
