import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { endpoints, lives } from '../../../functions/index.ts'
import { show } from '../../../functions/photos/show.ts'
import { unauthorized } from '../../../lib/access/authorize.ts'
import { createKey } from '../../../lib/access/keys.ts'
import type { App } from '../../../lib/app.ts'
import type { AppError } from '../../../lib/errors.ts'
import { openHttp } from '../../../lib/http/server.ts'
import { MAX_CONNECTIONS } from '../../../lib/live/connections.ts'
import { openHub } from '../../../lib/live/hub.ts'
import type { Stay } from '../../../lib/live/stay.ts'
import { claim, complete, fail } from '../../../lib/photos/attempt.ts'
import { removePhoto } from '../../../lib/photos/remove.ts'
import { LOOK_MS, waitUntilDone } from '../../../lib/photos/wait.ts'
import type { WorkerApp } from '../../../lib/worker.ts'
import { bearer } from '../../security/credentials.ts'
import { isAvailable, SETUPS, withApp, withWorker } from '../../support/app.ts'
import { until } from '../../support/service.ts'
import { call, insertPhoto, problemOf, withServer } from '../support.ts'

/** Longer than any of these tests takes: what answers before it has heard of something. */
const LONG_MS = 600_000

const MADE = { name: 'thumbnail', format: 'jpeg', width: 1, height: 1, url: 'a.jpg', bytes: 1 }

const claimed = async (app: App, uuid: string) => {
  const attempt = await claim(app, uuid)
  if (!attempt) throw new Error('not claimed')
  return attempt
}

const METADATA = {
  ...{ format: 'jpeg', contentType: 'image/jpeg', width: 64, height: 48, bytes: 9 },
  ...{ exif: null, thumbhash: null },
}

const finish = async (app: App, uuid: string) => complete(app, await claimed(app, uuid), [MADE], METADATA)

/** Serves, and counts the requests that listen to events. */
async function withWaiting(
  app: App,
  use: (url: string, waiting: () => number, close: () => Promise<void>) => Promise<void>,
) {
  const hub = openHub(app)
  let waiting = 0
  const subscribe: typeof hub.subscribe = (subscription, listener) => {
    waiting++
    const end = hub.subscribe(subscription, listener)
    return () => {
      waiting--
      end()
    }
  }
  const server = await openHttp({ ...app, hub: { ...hub, subscribe } }, endpoints, lives)
  try {
    await use(await server.listen({ host: '127.0.0.1', port: 0 }), () => waiting, hub.close)
  } finally {
    await server.close()
    await hub.close()
  }
}

/** A request that stays open until `ring` or `end` is called; counts what is open, and how often the database was looked at. */
function openStay(app: App) {
  const state = { open: 0, looks: 0, ring: () => {}, end: (_error?: AppError) => {} }
  const stay: Stay = {
    enter() {
      state.open++
      return () => void state.open--
    },
    listen(_uuid, listener) {
      state.ring = listener
      state.open++
      return () => void state.open--
    },
    watch(end) {
      state.end = end
      state.open++
      return () => void state.open--
    },
  }
  return { state, stay, app: { ...app, db: afterLook(app, async () => void state.looks++) } }
}

/** The same database; `then` is called between the answer to a look at what waits, and whoever gets it. */
const afterLook = ({ db }: App, then: () => Promise<void>) =>
  db.withPlugin({
    transformQuery: ({ node }) => node,
    async transformResult({ result }) {
      await then()
      return result
    },
  })

/** Until the test ends nobody looks unless an event has come. */
function stopLooking(): void {
  const start = setTimeout
  const spy = vi.spyOn(globalThis, 'setTimeout')
  spy.mockImplementation(((then: () => void, ms: number, ...more: []) =>
    start(ms === LOOK_MS.heard ? () => {} : then, ms, ...more)) as typeof setTimeout)
  onTestFinished(() => spy.mockRestore())
}

describe.for(SETUPS)('GET /photos/{uuid}?wait= on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('answers as soon as the photo is completed, has failed or is removed', () =>
    withWorker(setup, (app) =>
      withWaiting(app, async (url, waiting) => {
        const ends: [
          status: number,
          state: string | undefined,
          end: (app: WorkerApp, uuid: string) => Promise<unknown>,
        ][] = [
          [200, 'completed', finish],
          [
            200,
            'failed',
            async (app, uuid) => fail(app, await claimed(app, uuid), { code: 'corrupt-image', message: '' }),
          ],
          [404, undefined, removePhoto],
        ]
        for (const [status, state, end] of ends) {
          const uuid = await insertPhoto(app)
          const asked = [fetch(`${url}/photos/${uuid}?wait=30`), fetch(`${url}/photos/${uuid}/?wait=30`)]
          await until(() => waiting() === 2)
          await end(app, uuid)
          for (const answer of await Promise.all(asked)) {
            expect(answer.status).toBe(status)
            expect(((await answer.json()) as { status: unknown }).status).toBe(state ?? 404)
          }
          expect(waiting()).toBe(0)
        }
      }),
    ),
  )

  on('misses nothing that happens between its first look and its subscription', () =>
    withApp(setup, async (app) => {
      stopLooking()
      const uuid = await insertPhoto(app)
      const { state, stay } = openStay(app)
      let isFirst = true
      const db = afterLook(app, async () => {
        if (isFirst) {
          isFirst = false
          await finish(app, uuid)
        }
      })
      const answer = await call(show, { ...app, db }, { params: { uuid }, query: { wait: 30 }, stay })
      expect([answer.body, state.open]).toMatchObject([{ status: 'completed' }, 0])
    }),
  )

  on('misses nothing that happens while it looks, and looks once an event', () =>
    withApp(setup, async (app) => {
      stopLooking()
      const uuid = await insertPhoto(app)
      const { state, stay } = openStay(app)
      let looks = 0
      const db = afterLook(app, async () => {
        if (++looks === 1) state.ring()
        if (looks === 2) setImmediate(() => state.ring())
        if (looks === 3) await finish(app, uuid).then(() => state.ring())
      })
      await waitUntilDone({ db }, uuid, LONG_MS, stay)
      expect([looks, state.open]).toEqual([4, 0])
    }),
  )

  on('answers as it stands when the time is up, the client has gone or the service closes', () =>
    withApp(setup, async (app) => {
      const uuid = await insertPhoto(app)
      const waits = openStay(app)
      await waitUntilDone(waits.app, uuid, 1, waits.stay)
      expect(waits.state.open).toBe(0)
      const waiting = waitUntilDone(waits.app, uuid, LONG_MS, waits.stay)
      await until(() => waits.state.looks > 1)
      waits.state.end()
      await waiting
      expect(waits.state.open).toBe(0)
      const refused = waitUntilDone(waits.app, uuid, LONG_MS, waits.stay)
      waits.state.end(unauthorized())
      await expect(refused).rejects.toMatchObject({ code: 'unauthorized' })
      expect(waits.state.open).toBe(0)
    }),
  )

  on('looks where nobody tells it of events, as in a function', () =>
    withApp(setup, async (app) => {
      const uuid = await insertPhoto(app)
      const { listen: _, ...stay } = openStay(app).stay
      let looks = 0
      const db = afterLook(app, async () => {
        if (++looks === 1) setImmediate(() => finish(app, uuid))
      })
      await waitUntilDone({ db }, uuid, LONG_MS, stay)
      expect(looks).toBeGreaterThan(1)
    }),
  )

  on('answers when the service closes, and gives its place back when its client goes', () =>
    withApp(setup, (app) =>
      withWaiting(app, async (url, waiting, close) => {
        const uuid = await insertPhoto(app)
        const leaving = new AbortController()
        const left = fetch(`${url}/photos/${uuid}?wait=30`, { signal: leaving.signal }).catch(() => 'left')
        const stays = fetch(`${url}/photos/${uuid}?wait=30`)
        await until(() => waiting() === 2)
        leaving.abort()
        expect(await left).toBe('left')
        await until(() => waiting() === 1)
        await close()
        const answer = await stays
        expect([answer.status, await answer.json()]).toMatchObject([200, { status: 'pending' }])
      }),
    ),
  )
})

test('a key has as many waits as sockets and event streams; what is done takes no place', () =>
  withApp(
    SETUPS[0],
    (app) =>
      withWaiting(app, async (url, waiting) => {
        const { text } = await createKey(app.db, { name: 'a', scopes: ['read'], projects: '*' })
        const [uuid, done] = [await insertPhoto(app), await insertPhoto(app, { status: 'completed' })]
        const get = (id: string, signal?: AbortSignal) =>
          fetch(`${url}/photos/${id}?wait=30`, { headers: bearer(text), signal: signal ?? null })
        const leaving = new AbortController()
        const waits = Array.from({ length: MAX_CONNECTIONS }, (_, i) =>
          get(uuid, i === 0 ? leaving.signal : undefined),
        )
        waits[0]?.catch(() => {})
        await until(() => waiting() === MAX_CONNECTIONS)
        expect((await problemOf(await get(uuid), 429)).code).toBe('too-many-sockets')
        expect((await get(done)).status).toBe(200)
        leaving.abort()
        await until(() => waiting() === MAX_CONNECTIONS - 1)
        const next = get(uuid)
        await until(() => waiting() === MAX_CONNECTIONS)
        await finish(app, uuid)
        for (const answer of await Promise.all([...waits.slice(1), next])) expect(answer.status).toBe(200)
      }),
    { AUTH: 'keys' },
  ))

test.each(['-1', '31', '1.5', 'long'])('wait=%s is refused', (wait) =>
  withApp(SETUPS[0], (app) =>
    withServer(app, async (url) => {
      const uuid = await insertPhoto(app)
      const problem = await problemOf(await fetch(`${url}/photos/${uuid}?wait=${wait}`), 422)
      expect(problem.errors).toMatchObject([{ pointer: '/query/wait' }])
    }),
  ),
)
