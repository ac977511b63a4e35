import { setTimeout as delay } from 'node:timers/promises'
import type { Insertable } from 'kysely'
import { uuidv7 } from 'uuidv7'
import { describe, expect, test } from 'vitest'
import { type App, openApp } from '../../../lib/app.ts'
import { readConfig } from '../../../lib/config/index.ts'
import { migrate } from '../../../lib/db/migrate.ts'
import { chunks, nowPlus, uuids } from '../../../lib/db/port.ts'
import type { PhotosTable } from '../../../lib/db/tables/photos.ts'
import { AppError } from '../../../lib/errors.ts'
import { relayEvents } from '../../../lib/outbox/relay.ts'
import { addPhotos } from '../../../lib/photos/add.ts'
import { claim, retryLater } from '../../../lib/photos/attempt.ts'
import { requeueLost } from '../../../lib/photos/lost.ts'
import { removePhoto } from '../../../lib/photos/remove.ts'
import { requestProcessing } from '../../../lib/photos/request.ts'
import { requeueAll } from '../../../lib/photos/requeue.ts'
import { isAvailable, SETUPS, withApp, withEnvironment } from '../../support/app.ts'
import { withRefusing } from '../../support/queue.ts'
import { until } from '../../support/service.ts'

/** Of a process to PostgreSQL. */
const CONNECTIONS = 10

/** Photos of a project, or of the photos door, that nobody has asked for yet. */
async function insertPhotos({ db }: App, count: number, more: Partial<Insertable<PhotosTable>> = {}) {
  const rows = Array.from({ length: count }, () => ({
    uuid: uuidv7(),
    url: 'https://example.com/a.jpg',
    ...more,
  }))
  for (const part of chunks(rows)) await db.insertInto('photos').values(part).execute()
  return rows.map(({ uuid }) => uuid)
}

/** Inserts photos and asks for them in one request. */
async function queue(app: App, count: number, project_id?: number): Promise<string[]> {
  const photos = await insertPhotos(app, count, project_id === undefined ? {} : { project_id })
  await requestProcessing(app, photos, false)
  return photos
}

/** Hands the photos that messages name to `take`, one after the other, while `use` runs. */
async function taking(app: App, take: (uuid: string) => Promise<unknown>, use: () => Promise<void>) {
  const consumer = await app.queue.consume('work', 1, async ({ body }) => {
    await take((JSON.parse(Buffer.from(body).toString()) as { photo_uuid: string }).photo_uuid)
  })
  await use()
  await consumer.stop()
}

/** The photos whose messages have come to the queue by now, in order; they are taken from it. */
async function published(app: App): Promise<string[]> {
  const got: string[] = []
  await taking(
    app,
    async (uuid) => got.push(uuid),
    async () => {
      const last = uuidv7()
      await app.queue.publish([{ id: last, to: 'work', key: '', body: { photo_uuid: last } }], 5_000)
      await until(() => got.includes(last))
      got.splice(got.indexOf(last), 1)
    },
  )
  return got
}

/** As a worker does that finishes them: they hold no place any more. */
const finish = ({ db }: App, photos: readonly string[]) =>
  db
    .updateTable('photos')
    .set({ status: 'completed', queued_at: null })
    .where('uuid', 'in', uuids(db, photos))
    .execute()

async function relayAll(app: App): Promise<void> {
  while ((await relayEvents(app)) > 0);
}

describe.for(SETUPS)('the window on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))
  const withWindow = (window: number, use: (app: App) => Promise<void>) =>
    withApp(setup, use, { QUEUE_WINDOW: String(window), RELAY_INTERVAL_MS: '20' })

  on('lets the photos of one project pass those of another that has queued thousands', () =>
    withWindow(20, async (app) => {
      const many = await queue(app, 3_000, 1)
      const few = await queue(app, 10, 2)
      const claimed: string[] = []
      const stopping = new AbortController()
      const relaying = (async () => {
        while (!stopping.signal.aborted) if ((await relayEvents(app)) === 0) await delay(20)
      })()
      await taking(
        app,
        async (uuid) => {
          await claim(app, uuid)
          claimed.push(uuid)
        },
        () => until(() => claimed.length >= 200),
      )
      stopping.abort()
      await relaying
      const places = few.map((uuid) => claimed.indexOf(uuid))
      expect(Math.min(...places)).toBeGreaterThanOrEqual(0)
      expect(Math.max(...places)).toBeLessThan(20 + 10)
      const first = claimed.filter((uuid) => !few.includes(uuid))
      expect(first).toEqual(many.slice(0, first.length))
    }),
  )

  on('publishes at once what fits, and the rest when a quarter is free, in turns and in order', () =>
    withWindow(8, async (app) => {
      const [one, two] = [await queue(app, 20, 1), await queue(app, 12, 2)]
      const door = await queue(app, 3)
      expect(await published(app)).toEqual([...one.slice(0, 8), ...two.slice(0, 8), ...door])
      await finish(app, [one[0] as string])
      expect(await relayEvents(app)).toBe(0)
      await finish(app, [...one.slice(0, 3), ...two.slice(0, 2)])
      expect(await relayEvents(app)).toBe(5)
      expect(await published(app)).toEqual([one[8], two[8], one[9], two[9], one[10]])
      expect(await relayEvents(app)).toBe(0)
      for (const uuids of [one, two]) await finish(app, uuids.slice(0, 11))
      await relayAll(app)
      expect((await published(app)).sort()).toEqual([...one.slice(11, 19), ...two.slice(10, 12)].sort())
    }),
  )

  on('lets none that comes later, alone or in a batch, pass those that wait', () =>
    withWindow(4, async (app) => {
      const first = await queue(app, 6, 1)
      await finish(app, first.slice(0, 1))
      const later = [...(await queue(app, 1, 1)), ...(await queue(app, 2, 1))]
      expect(await published(app)).toEqual(first.slice(0, 4))
      await finish(app, first.slice(0, 4))
      await relayAll(app)
      expect(await published(app)).toEqual([...first.slice(4), ...later.slice(0, 2)])
    }),
  )

  on('takes single photos until the window is full', () =>
    withWindow(3, async (app) => {
      const photos: string[] = []
      for (let i = 0; i < 5; i++)
        for (const { uuid } of await addPhotos(app, [
          { url: 'https://example.com/', door: 'v1', queued: true },
        ]))
          photos.push(uuid)
      expect(await published(app)).toEqual(photos.slice(0, 3))
      await finish(app, photos.slice(0, 3))
      await relayAll(app)
      expect(await published(app)).toEqual(photos.slice(3))
    }),
  )

  on('gives no place to a retry until its time has come', () =>
    withWindow(2, async (app) => {
      const [retried = ''] = await queue(app, 1, 1)
      const attempt = await claim(app, retried)
      if (!attempt) throw new Error('not claimed')
      await retryLater(app, attempt, new AppError('source-unavailable', ''), {
        delayMs: 60_000,
        isCounted: true,
      })
      expect(await published(app)).toEqual([retried])
      const photos = await queue(app, 2, 1)
      expect(await published(app)).toEqual(photos)
      await app.db
        .updateTable('events')
        .set({ publish_after: nowPlus(-1) })
        .where('photo_uuid', '=', retried)
        .where('publish_after', '>', nowPlus())
        .execute()
      expect(await relayEvents(app)).toBe(0)
      await finish(app, photos)
      expect(await relayEvents(app)).toBe(1)
      expect(await published(app)).toEqual([retried])
    }),
  )

  on('frees the places of photos that are deleted, and forgets those that waited', () =>
    withWindow(2, async (app) => {
      const [a = '', b = '', c = '', d = ''] = await queue(app, 4, 1)
      for (const uuid of [a, c]) await removePhoto(app, uuid)
      await relayAll(app)
      expect(await published(app)).toEqual([a, b, d])
    }),
  )

  test.skipIf(!setup.servers || !isAvailable(setup))('waits for no photo that somebody holds', () =>
    withWindow(2, async (app) => {
      const [a = '', b = '', c = '', d = '', e = ''] = await queue(app, 5, 1)
      await app.db.updateTable('events').set({ photo_uuid: uuidv7() }).where('photo_uuid', '=', e).execute()
      await finish(app, [a, b])
      await app.db.transaction().execute(async (tx) => {
        await tx.selectFrom('photos').select('uuid').where('uuid', '=', c).forUpdate().execute()
        expect(await relayEvents(app)).toBe(1)
      })
      await finish(app, [d])
      await relayAll(app)
      const got = await published(app)
      expect(got.slice(0, 4)).toEqual([a, b, d, c])
      // The photo of the last event was removed by hand: its message comes, as it always did.
      expect(got).toHaveLength(5)
    }),
  )

  on('publishes what a broker did not take, and no more than the window meanwhile', () =>
    withWindow(4, async (app) => {
      const away = withRefusing(app, 0)
      const photos = await queue(away, 10, 1)
      for (let i = 0; i < 3; i++) expect(await relayEvents(away)).toBe(0)
      const { count } = await app.db
        .selectFrom('events')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .where('lane', '=', '1')
        .executeTakeFirstOrThrow()
      expect(count).toBe(6)
      await app.db
        .updateTable('events')
        .set({ publish_after: nowPlus(-1) })
        .where('type', '=', 'image.queued')
        .execute()
      await relayAll(app)
      expect(await published(app)).toEqual(photos.slice(0, 4))
    }),
  )

  on('goes on after the queue has lost its messages', () =>
    withWindow(4, async (app) => {
      const photos = await queue(app, 6, 1)
      await published(app)
      expect(await requeueLost(app)).toBe(0)
      await until(async () => (await requeueLost(app)) === 4)
      // They have their places, but others wait already: they stand behind those.
      const claimed = new Set<string>()
      await taking(
        app,
        async (uuid) => {
          if (await claim(app, uuid)) claimed.add(uuid)
        },
        () =>
          until(async () => {
            await relayEvents(app)
            return claimed.size === 6
          }),
      )
      expect([...claimed].sort()).toEqual([...photos].sort())
    }),
  )

  on('begins again after a start with as much as the window has room for, in turns', () =>
    withWindow(3, async (app) => {
      const one = await queue(app, 5, 1)
      const two = await queue(app, 2, 2)
      await published(app)
      expect(await requeueAll(app)).toBe(5)
      expect(await published(app)).toEqual([one[0], two[0], one[1], two[1], one[2]])
      // As an earlier version left them, which knew no window.
      const queued_at = '2026-01-01T00:00:00.000Z'
      const before = await insertPhotos(app, 5, { project_id: 3, queued_at })
      expect(await requeueAll(app)).toBe(8)
      expect((await published(app)).filter((uuid) => before.includes(uuid))).toHaveLength(3)
      await finish(app, before.slice(0, 3))
      await relayAll(app)
      expect(await published(app)).toEqual(before.slice(3))
    }),
  )

  on('keeps the window while several processes add photos and relay', () =>
    withEnvironment(setup, async (env) => {
      const config = readConfig({ ...env, QUEUE_WINDOW: '50' })
      const app = await openApp(config)
      // An embedded service is one process.
      const others = setup.servers ? [await openApp(config), await openApp(config)] : []
      const apps = [app, ...others]
      const pending = () =>
        app.db.selectFrom('photos').select(['uuid', 'held_at']).where('status', '=', 'pending')
      try {
        await migrate(app.db)
        const batches: string[][] = []
        for (let i = 0; i < 12; i++) batches.push(await insertPhotos(app, 40, { project_id: 1 }))
        await Promise.all(
          batches.map((photos, index) => requestProcessing(apps[index % apps.length] ?? app, photos, false)),
        )
        await relayAll(app)
        // Less than a quarter may be free.
        const begun = (await pending().where('held_at', 'is', null).execute()).length
        expect([begun > 50 - 12, begun <= 50]).toEqual([true, true])
        for (let left = 480; left > 0; left -= 30) {
          const free = (await pending().where('held_at', 'is', null).execute()).map(({ uuid }) => uuid)
          expect(free.length).toBeLessThanOrEqual(50)
          expect(free.length).toBeGreaterThan(Math.min(left, 50 - 12) - 1)
          await finish(app, free.slice(0, 30))
          await Promise.all([...apps, ...apps].map(relayEvents))
          await relayAll(app)
        }
        expect(await pending().execute()).toEqual([])
      } finally {
        for (const each of apps) await each.close()
      }
    }),
  )

  on('goes beyond the window by no more than the transactions that run at once', () =>
    withWindow(5, async (app) => {
      const url = 'https://example.com/'
      await Promise.all(Array.from({ length: 60 }, () => addPhotos(app, [{ url, door: 'v1', queued: true }])))
      const count = (await published(app)).length
      expect(count).toBeGreaterThanOrEqual(5)
      expect(count).toBeLessThanOrEqual(setup.servers ? 5 + CONNECTIONS : 5)
    }),
  )
})
