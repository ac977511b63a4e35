import { setTimeout as delay } from 'node:timers/promises'
import { uuidv7 } from 'uuidv7'
import { describe, expect, test } from 'vitest'
import type { App } from '../../../lib/app.ts'
import { nowPlus } from '../../../lib/db/port.ts'
import type { CloudEvent } from '../../../lib/outbox/event.ts'
import { relayEvents } from '../../../lib/outbox/relay.ts'
import { claim, complete } from '../../../lib/photos/attempt.ts'
import { findPhoto, renditionPath } from '../../../lib/photos/photo.ts'
import { requestProcessing } from '../../../lib/photos/request.ts'
import { requeueAll, sweepPhotos } from '../../../lib/photos/upkeep.ts'
import { thumbKey } from '../../../lib/storage/port.ts'
import { eventsOf, insertPhoto } from '../../functions/support.ts'
import { isAvailable, SETUPS, withApp } from '../../support/app.ts'
import { until } from '../../support/service.ts'

const PICTURE = Buffer.from('a picture')

/** A photo whose worker died in the attempt after so many. */
async function loseWorker(app: App, attempts = 0): Promise<string> {
  const uuid = await insertPhoto(app, { attempts })
  await claim(app, uuid)
  await app.db
    .updateTable('photos')
    .set({ lease_until: nowPlus(-1) })
    .where('uuid', '=', uuid)
    .execute()
  return uuid
}

/** A thumbnail that an earlier run has left, row and file. Returns the key of the file. */
async function leaveThumbnail(app: App, photo_uuid: string): Promise<string> {
  const url = renditionPath(photo_uuid, 'thumbnail', 'jpeg')
  const row = { name: 'thumbnail', width: 1, height: 1, format: 'jpeg', bytes: PICTURE.length }
  await app.db
    .insertInto('photo_thumbnails')
    .values({ ...row, photo_uuid, url })
    .execute()
  await app.storage.put(thumbKey(url), PICTURE)
  return thumbKey(url)
}

/** Inserts events that ask for photos, as a process left them that died before it published. */
async function leaveEvents(app: App, count: number, dueInMs: number): Promise<string[]> {
  const rows = Array.from({ length: count }, () => ({ id: uuidv7(), photo_uuid: uuidv7() }))
  const more = { type: 'image.queued' as const, publish_after: nowPlus(dueInMs) }
  await app.db
    .insertInto('events')
    // The last first: what is published comes in the order of the ids nevertheless.
    .values(rows.map((row) => ({ ...row, ...more })).reverse())
    .execute()
  return rows.map(({ photo_uuid }) => photo_uuid)
}

const makeDue = ({ db }: App) =>
  db
    .updateTable('events')
    .set({ publish_after: nowPlus(-1) })
    .where('published_at', 'is', null)
    .execute()

const countUnpublished = async ({ db }: App) =>
  (await db.selectFrom('events').select('id').where('published_at', 'is', null).execute()).length

/** The photos that are asked for while `use` runs, in order, once there are so many. */
async function asking(app: App, expected: number, use: () => Promise<void>): Promise<string[]> {
  const asked: string[] = []
  const consumer = await app.queue.consume('work', 1, async ({ body }) => {
    asked.push((JSON.parse(Buffer.from(body).toString()) as { photo_uuid: string }).photo_uuid)
  })
  await use()
  await until(() => asked.length >= expected)
  await delay(50)
  await consumer.stop()
  return asked
}

/** The same app with a queue that takes the first `most` of the messages it is given. */
const withRefusing = (app: App, most: number): App => ({
  ...app,
  queue: { ...app.queue, publish: (messages, ms) => app.queue.publish(messages.slice(0, most), ms) },
})

describe.for(SETUPS)('upkeep on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('lets no late worker complete a photo that is being given up', () =>
    withApp(
      setup,
      async (app) => {
        const late = await claim(app, await insertPhoto(app, { attempts: 1 }))
        if (!late) throw new Error('not claimed')
        await app.db
          .updateTable('photos')
          .set({ lease_until: nowPlus(-1) })
          .execute()
        const url = renditionPath(late.photo.uuid, 'thumbnail', 'jpeg')
        const made = { name: 'thumbnail', format: 'jpeg', width: 2, height: 1, url, bytes: 3 }
        await app.storage.put(thumbKey(url), PICTURE)
        const written: boolean[] = []
        const storage = {
          ...app.storage,
          async remove(key: string) {
            written.push(await complete(app, late, [made], {}))
            await app.storage.remove(key)
          },
        }
        await sweepPhotos({ ...app, storage })
        expect(written).toEqual([false])
        expect(await findPhoto(app.db, late.photo.uuid)).toMatchObject({
          status: 'failed',
          error_code: 'worker-lost',
          attempts: 2,
        })
        expect(await app.storage.head(thumbKey(url))).toBeUndefined()
      },
      { MAX_ATTEMPTS: '2' },
    ),
  )

  on('frees and queues a photo whose lease ran out, and leaves one that is held', () =>
    withApp(setup, async (app) => {
      const lost = await loseWorker(app)
      const held = await insertPhoto(app)
      await claim(app, held)
      const asked = await asking(app, 1, async () => {
        expect([await sweepPhotos(app), await sweepPhotos(app)]).toEqual([1, 0])
      })
      expect(asked).toEqual([lost])
      expect(await findPhoto(app.db, lost)).toMatchObject({
        status: 'pending',
        queued_at: expect.any(String),
        attempts: 1,
        lease_until: null,
        lease_token: null,
        error_code: null,
      })
      expect(await findPhoto(app.db, held)).toMatchObject({ status: 'processing', attempts: 1 })
      expect((await claim(app, lost))?.photo.attempts).toBe(2)
    }),
  )

  on('gives a photo up that cost MAX_ATTEMPTS workers, removes its thumbnails and tells of it', () =>
    withApp(
      setup,
      async (app) => {
        const told: CloudEvent[] = []
        let listening = false
        const listener = await app.queue.listen(
          (body) => told.push(JSON.parse(Buffer.from(body).toString()) as CloudEvent),
          () => {
            listening = true
          },
        )
        await until(() => listening)
        const uuid = await loseWorker(app, 1)
        const key = await leaveThumbnail(app, uuid)
        expect([await sweepPhotos(app), await sweepPhotos(app)]).toEqual([1, 0])
        const error = { code: 'worker-lost', message: 'The worker died 2 times' }
        expect(await findPhoto(app.db, uuid)).toMatchObject({
          status: 'failed',
          error_code: error.code,
          error: error.message,
          lease_until: null,
          lease_token: null,
        })
        expect(await app.db.selectFrom('photo_thumbnails').selectAll().execute()).toEqual([])
        expect(await app.storage.head(key)).toBeUndefined()
        expect(await eventsOf(app, 'image.queued')).toEqual([])
        expect(await eventsOf(app, 'image.failed')).toMatchObject([
          { photo_uuid: uuid, attempt: 2, published_at: expect.any(String) },
        ])
        await until(() => told.some(({ type }) => type === 'image.failed'))
        await listener.stop()
        expect(told.at(-1)).toMatchObject({
          subject: uuid,
          data: { photo_uuid: uuid, status: 'failed', state: 'error', thumbnails: [], versions: {}, error },
        })
      },
      { MAX_ATTEMPTS: '2' },
    ),
  )

  on('a photo that cannot be freed does not stop the others, and is tried again', () =>
    withApp(
      setup,
      async (app) => {
        const [stuck, fine] = [await loseWorker(app), await loseWorker(app)]
        const remove = async (key: string) => {
          if (key.includes(stuck)) throw new Error('the storage is away')
          await app.storage.remove(key)
        }
        expect(await sweepPhotos({ ...app, storage: { ...app.storage, remove } })).toBe(1)
        expect((await findPhoto(app.db, fine)).status).toBe('failed')
        expect((await findPhoto(app.db, stuck)).status).toBe('processing')
        await app.db
          .updateTable('photos')
          .set({ lease_until: nowPlus(-1) })
          .execute()
        expect(await sweepPhotos(app)).toBe(1)
        expect((await findPhoto(app.db, stuck)).error_code).toBe('worker-lost')
      },
      { MAX_ATTEMPTS: '1' },
    ),
  )

  on('asks again for queued photos older than REQUEUE_AFTER_MS, not for those nobody asked for', () =>
    withApp(setup, async (app) => {
      const [lost, fresh] = [await insertPhoto(app), await insertPhoto(app)]
      await requestProcessing(app, [lost, fresh], false)
      const old = nowPlus(-app.config.requeueAfterMs - 1_000)
      await app.db.updateTable('photos').set({ queued_at: old }).where('uuid', '=', lost).execute()
      await app.db.updateTable('events').set({ published_at: old }).where('photo_uuid', '=', lost).execute()
      const byHand = await insertPhoto(app, { queued_at: '2026-01-01T00:00:00.000Z' })
      const waiting = await insertPhoto(app, { created_at: '2020-01-01T00:00:00.000Z' })
      const asked = await asking(app, 4, async () => {
        expect([await sweepPhotos(app), await sweepPhotos(app)]).toEqual([2, 0])
      })
      expect(asked.slice(2).sort()).toEqual([lost, byHand].sort())
      expect(asked.slice(0, 2).sort()).toEqual([lost, fresh].sort())
      expect(await findPhoto(app.db, waiting)).toMatchObject({ status: 'pending', queued_at: null })
    }),
  )

  on('relays what is due, in order and once, and leaves what is not', () =>
    withApp(setup, async (app) => {
      const due = await leaveEvents(app, 5, -1_000)
      await leaveEvents(app, 2, 60_000)
      const asked = await asking(app, 5, async () => {
        expect([await relayEvents(app), await relayEvents(app)]).toEqual([5, 0])
      })
      expect(asked).toEqual(due)
      expect(await countUnpublished(app)).toBe(2)
    }),
  )

  on('relays nothing while the queue refuses, counts what it took, and catches up', () =>
    withApp(setup, async (app) => {
      const due = await leaveEvents(app, 3, -1_000)
      const asked = await asking(app, 3, async () => {
        expect(await relayEvents(withRefusing(app, 0))).toBe(0)
        expect(await countUnpublished(app)).toBe(3)
        await makeDue(app)
        expect(await relayEvents(withRefusing(app, 2))).toBe(2)
        expect(await countUnpublished(app)).toBe(1)
        await makeDue(app)
        expect(await relayEvents(app)).toBe(1)
      })
      expect(asked).toEqual(due)
      expect(await countUnpublished(app)).toBe(0)
    }),
  )

  on('loses none of more than one batch while two relays run at once', () =>
    withApp(setup, async (app) => {
      const due = await leaveEvents(app, 700, -1_000)
      const relayAll = async () => {
        let all = 0
        for (let count = await relayEvents(app); count > 0; count = await relayEvents(app)) all += count
        return all
      }
      const asked = await asking(app, 700, async () => {
        const [one, two] = await Promise.all([relayAll(), relayAll()])
        expect(one + two).toBe(700 - (await countUnpublished(app)))
        // What a slow broker did not confirm in time is due again.
        await until(async () => {
          await makeDue(app)
          await relayEvents(app)
          return (await countUnpublished(app)) === 0
        })
      })
      expect([...new Set(asked)].sort()).toEqual(due.sort())
    }),
  )

  on('asks at once for all that is queued, the oldest first', () =>
    withApp(setup, async (app) => {
      expect(await requeueAll(app)).toBe(0)
      const second = await insertPhoto(app, { queued_at: '2026-01-01T00:00:02.000Z' })
      const first = await insertPhoto(app, { queued_at: '2026-01-01T00:00:01.000Z' })
      await insertPhoto(app)
      for (const status of ['init', 'processing', 'completed', 'failed'] as const)
        await insertPhoto(app, { status, queued_at: '2026-01-01T00:00:00.000Z' })
      const asked = await asking(app, 2, async () => {
        expect(await requeueAll(app)).toBe(2)
      })
      expect(asked).toEqual([first, second])
      expect(await requeueAll(withRefusing(app, 1))).toBe(1)
    }),
  )
})
