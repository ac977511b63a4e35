import { describe, expect, test } from 'vitest'
import type { App } from '../../../lib/app.ts'
import { THUMBNAIL_RECIPE } from '../../../lib/imaging/recipe.ts'
import type { CloudEvent } from '../../../lib/outbox/event.ts'
import { claim, complete, markRenderBegan } from '../../../lib/photos/attempt.ts'
import { freeExpired } from '../../../lib/photos/expired.ts'
import { requestProcessing } from '../../../lib/photos/request.ts'
import { findPhoto } from '../../../lib/photos/row.ts'
import { renditionPath } from '../../../lib/renditions/path.ts'
import { renditionKey } from '../../../lib/storage/port.ts'
import { at, eventsOf, expireLeases, insertPhoto } from '../../functions/support.ts'
import { isAvailable, SETUPS, withApp } from '../../support/app.ts'
import { queuedDuring } from '../../support/queue.ts'
import { until } from '../../support/service.ts'

const PICTURE = Buffer.from('a picture')

const pathOf = (uuid: string) => renditionPath(uuid, THUMBNAIL_RECIPE, { name: 'thumbnail', format: 'jpeg' })

/** A photo whose worker died in the attempt after so many, while it rendered. */
async function loseWorker(app: App, attempts = 0): Promise<string> {
  const uuid = await insertPhoto(app, { attempts, queued_at: at(0) })
  const attempt = await claim(app, uuid)
  if (!attempt) throw new Error('not claimed')
  await markRenderBegan(app.db, [attempt])
  await expireLeases(app, uuid)
  return uuid
}

/** A photo whose worker died in the attempt after so many, before it rendered. */
async function loseEarly(app: App, photo: Parameters<typeof insertPhoto>[1]): Promise<string> {
  const uuid = await insertPhoto(app, photo)
  await claim(app, uuid)
  await expireLeases(app, uuid)
  return uuid
}

/** A thumbnail that an earlier run has left, row and file. Returns the key of the file. */
async function leaveThumbnail(app: App, photo_uuid: string): Promise<string> {
  const url = pathOf(photo_uuid)
  const row = { name: 'thumbnail', width: 1, height: 1, format: 'jpeg', bytes: PICTURE.length }
  await app.db
    .insertInto('photo_thumbnails')
    .values({ ...row, photo_uuid, url })
    .execute()
  await app.storage.put(renditionKey(url), PICTURE)
  return renditionKey(url)
}

describe.for(SETUPS)('expired leases on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('lets no late worker complete a photo that is being failed', () =>
    withApp(
      setup,
      async (app) => {
        const late = await claim(app, await insertPhoto(app, { attempts: 1, queued_at: at(0) }))
        if (!late) throw new Error('not claimed')
        await markRenderBegan(app.db, [late])
        await expireLeases(app)
        const url = pathOf(late.photo.uuid)
        const made = { name: 'thumbnail', format: 'jpeg', width: 2, height: 1, url, bytes: 3 }
        await app.storage.put(renditionKey(url), PICTURE)
        const written: boolean[] = []
        const storage = {
          ...app.storage,
          async remove(key: string) {
            written.push(await complete(app, late, [made], {}))
            await app.storage.remove(key)
          },
        }
        await freeExpired({ ...app, storage })
        expect(written).toEqual([false])
        expect(await findPhoto(app.db, late.photo.uuid)).toMatchObject({
          status: 'failed',
          error_code: 'worker-lost',
          attempts: 2,
        })
        expect(await app.storage.head(renditionKey(url))).toBeUndefined()
      },
      { MAX_ATTEMPTS: '2' },
    ),
  )

  on('frees and queues a photo whose lease ran out, and leaves one whose lease runs', () =>
    withApp(setup, async (app) => {
      const lost = await loseWorker(app)
      const current = await insertPhoto(app)
      await claim(app, current)
      const queued = await queuedDuring(app, 1, async () => {
        expect([await freeExpired(app), await freeExpired(app)]).toEqual([1, 0])
      })
      expect(queued).toEqual([lost])
      expect(await findPhoto(app.db, lost)).toMatchObject({
        status: 'pending',
        queued_at: expect.any(String),
        attempts: 1,
        lease_until: null,
        lease_token: null,
        error_code: null,
      })
      expect(await findPhoto(app.db, current)).toMatchObject({ status: 'processing', attempts: 1 })
      expect((await claim(app, lost))?.photo.attempts).toBe(2)
    }),
  )

  on('fails a photo that cost MAX_ATTEMPTS workers, removes its thumbnails and publishes it', () =>
    withApp(
      setup,
      async (app) => {
        const heard: CloudEvent[] = []
        let listening = false
        const listener = await app.queue.listen(
          (body) => heard.push(JSON.parse(Buffer.from(body).toString()) as CloudEvent),
          () => {
            listening = true
          },
        )
        await until(() => listening)
        const uuid = await loseWorker(app, 1)
        const key = await leaveThumbnail(app, uuid)
        expect([await freeExpired(app), await freeExpired(app)]).toEqual([1, 0])
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
        await until(() => heard.some(({ type }) => type === 'image.failed'))
        await listener.stop()
        expect(heard.at(-1)).toMatchObject({
          subject: uuid,
          data: { photo_uuid: uuid, status: 'failed', state: 'error', thumbnails: [], versions: {}, error },
        })
      },
      { MAX_ATTEMPTS: '2' },
    ),
  )

  on('gives back an attempt whose worker died before a render began, and says so; not for ever', () =>
    withApp(
      setup,
      async (app) => {
        const uuid = await loseEarly(app, { attempts: 1, queued_at: at(0) })
        expect(await freeExpired(app)).toBe(1)
        const given = { status: 'pending', attempts: 1, given_back: 1, lease_token: null } as const
        expect(await findPhoto(app.db, uuid)).toMatchObject(given)
        expect((await eventsOf(app, 'image.retrying')).at(-1)).toMatchObject({
          attempt: 2,
          detail: 'The worker was lost before a render began: the attempt does not count',
        })
        expect((await claim(app, uuid))?.photo.attempts).toBe(2)
        await expireLeases(app, uuid)
        expect(await freeExpired(app)).toBe(1)
        expect(await findPhoto(app.db, uuid)).toMatchObject({ ...given, given_back: 2 })
        await claim(app, uuid)
        await expireLeases(app, uuid)
        expect(await freeExpired(app)).toBe(1)
        expect(await findPhoto(app.db, uuid)).toMatchObject({ status: 'failed', error_code: 'worker-lost' })
        await requestProcessing(app, [uuid], false)
        expect(await findPhoto(app.db, uuid)).toMatchObject({ attempts: 0, given_back: 0 })
      },
      { MAX_ATTEMPTS: '2' },
    ),
  )

  on('a render that began counts in its own attempt only', () =>
    withApp(setup, async (app) => {
      const uuid = await loseWorker(app)
      expect(await freeExpired(app)).toBe(1)
      expect(await findPhoto(app.db, uuid)).toMatchObject({ attempts: 1, given_back: 0 })
      const late = await claim(app, uuid)
      await expireLeases(app, uuid)
      expect(await freeExpired(app)).toBe(1)
      expect(await findPhoto(app.db, uuid)).toMatchObject({ attempts: 1, given_back: 1 })
      const current = await claim(app, uuid)
      if (!late || !current) throw new Error('not claimed')
      await markRenderBegan(app.db, [late])
      expect((await findPhoto(app.db, uuid)).render_began_at).toBeNull()
      await markRenderBegan(app.db, [current])
      expect((await findPhoto(app.db, uuid)).render_began_at).toEqual(expect.any(String))
    }),
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
        expect(await freeExpired({ ...app, storage: { ...app.storage, remove } })).toBe(1)
        expect((await findPhoto(app.db, fine)).status).toBe('failed')
        expect((await findPhoto(app.db, stuck)).status).toBe('processing')
        await expireLeases(app)
        expect(await freeExpired(app)).toBe(1)
        expect((await findPhoto(app.db, stuck)).error_code).toBe('worker-lost')
      },
      { MAX_ATTEMPTS: '1' },
    ),
  )
})
