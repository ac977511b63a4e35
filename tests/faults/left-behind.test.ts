import { mkdir, readdir, stat, utimes, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { uuidv7 } from 'uuidv7'
import { describe, expect, test } from 'vitest'
import { remove } from '../../functions/photos/remove.ts'
import { NO_OWNER } from '../../lib/access/caller.ts'
import type { App } from '../../lib/app.ts'
import { readConfig } from '../../lib/config/index.ts'
import { nowPlus } from '../../lib/db/port.ts'
import { deleteOldDeliveries } from '../../lib/notifications/enqueue.ts'
import { insertEvents } from '../../lib/outbox/insert.ts'
import { deleteOldEvents } from '../../lib/outbox/retention.ts'
import { addPhotos } from '../../lib/photos/add.ts'
import { removeFailedOriginals } from '../../lib/photos/failed-originals.ts'
import { removeFiles } from '../../lib/photos/removals.ts'
import { findPhoto } from '../../lib/photos/row.ts'
import { removeUnfinished } from '../../lib/photos/unfinished.ts'
import { awaitUpload } from '../../lib/photos/uploads.ts'
import { originalKey, type Storage } from '../../lib/storage/port.ts'
import { openS3 } from '../../lib/storage/s3.ts'
import { idBefore } from '../../lib/uuid.ts'
import { call, insertPhoto, originals } from '../functions/support.ts'
import { isAvailable, SETUPS, withApp } from '../support/app.ts'
import { openS3Server } from '../support/s3-server.ts'

const DAY_MS = 86_400_000
const BYTES = Buffer.from('bytes')

/** A photo with a stored original. */
async function addStored(app: App, status: 'init' | 'pending' | 'failed' = 'pending'): Promise<string> {
  const uuid = uuidv7()
  await app.storage.put(originalKey(uuid), BYTES)
  await addPhotos(app, [{ uuid, url: originalKey(uuid), door: 'page' }])
  await app.db.updateTable('photos').set({ status }).where('uuid', '=', uuid).execute()
  return uuid
}

/** The same app on a storage of which a part is replaced. */
const withStorage = (app: App, part: Partial<Storage>): App => ({
  ...app,
  storage: { ...app.storage, ...part },
})

/** Makes the sweep's next look at everything due. */
const makeDue = async ({ db }: App) => {
  await db
    .updateTable('removals')
    .set({ due: nowPlus(-1) })
    .execute()
  await db
    .updateTable('turns')
    .set({ due: nowPlus(-1) })
    .execute()
}

/** Inserts an event that is so many days old. */
async function addEvent({ db }: App, days: number, type: string, photo: string | null, published = true) {
  const at = Date.now() - days * DAY_MS
  const id = `${idBefore(at).slice(0, 24)}${uuidv7().slice(24)}`
  await db
    .insertInto('events')
    .values({
      id,
      type: type as 'image.queued',
      photo_uuid: photo,
      at: new Date(at).toISOString(),
      publish_after: nowPlus(),
      published_at: published ? nowPlus() : null,
    } as never)
    .execute()
}

const eventTypes = async ({ db }: App) =>
  (await db.selectFrom('events').select('type').orderBy('id').execute()).map(({ type }) => type)

describe.for(SETUPS)('on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('a storage that hangs in a removal holds up no other request, and the sweep removes the files', () =>
    withApp(setup, async (app) => {
      const uuid = await addStored(app)
      const hanging = withStorage(app, { remove: () => new Promise(() => {}) })
      const removing = call(remove, hanging, { params: { uuid } })
      await expect.poll(() => findPhoto(app.db, uuid).catch(() => undefined)).toBeUndefined()
      // A write, which a transaction that stays open would keep waiting in SQLite.
      await insertPhoto(app)
      expect((await removing).status).toBe(204)
      expect(await originals(app)).toEqual([uuid])
      await makeDue(app)
      expect(await removeFiles(app)).toBe(1)
      expect(await originals(app)).toEqual([])
    }),
  )

  on('a storage that fails in a removal keeps it for the sweep', () =>
    withApp(setup, async (app) => {
      const uuid = await addStored(app, 'failed')
      const failing = withStorage(app, {
        remove: async () => {
          throw new Error('the storage is away')
        },
      })
      expect((await call(remove, failing, { params: { uuid } })).status).toBe(204)
      await makeDue(app)
      expect(await removeFiles(failing)).toBe(0)
      await makeDue(app)
      expect(await removeFiles(app)).toBe(1)
      expect(await originals(app)).toEqual([])
    }),
  )

  on('what comes after a removal is removed within the hour', () =>
    withApp(setup, async (app) => {
      const uuid = await addStored(app, 'init')
      expect((await call(remove, app, { params: { uuid } })).status).toBe(204)
      // A form that was posted to a bucket, or a process that stood still.
      await app.storage.put(originalKey(uuid), BYTES)
      for (const minutes of [5, 50]) {
        const { due } = await app.db.selectFrom('removals').select('due').executeTakeFirstOrThrow()
        expect(Date.parse(due) - Date.now()).toBeLessThanOrEqual(minutes * 60_000)
        await makeDue(app)
        expect(await removeFiles(app)).toBe(1)
        expect(await originals(app)).toEqual([])
      }
      await makeDue(app)
      await removeFiles(app)
      await makeDue(app)
      await removeFiles(app)
      expect(await app.db.selectFrom('removals').select('id').execute()).toEqual([])
    }),
  )

  on('events are kept for EVENTS_KEEP, those of an existing photo since its last attempt', () =>
    withApp(setup, async (app) => {
      const uuid = await insertPhoto(app, { status: 'completed' })
      const gone = uuidv7()
      for (const [days, type, photo] of [
        [99, 'image.queued', uuid],
        [98, 'image.processing', uuid],
        [97, 'image.queued', uuid],
        [96, 'image.processing', uuid],
        [95, 'image.uploaded', uuid],
        [94, 'image.deleted', gone],
        [93, 'message.dead', null],
        [89, 'message.dead', null],
      ] as const)
        await addEvent(app, days, type, photo)
      await addEvent(app, 92, 'image.deleted', gone, false)
      expect(await deleteOldEvents(app)).toBe(5)
      const kept = ['image.processing', 'image.uploaded', 'image.deleted', 'message.dead']
      expect(await eventTypes(app)).toEqual(kept)
      expect(await deleteOldEvents(app)).toBe(0)
      await makeDue(app)
      expect(await deleteOldEvents(app)).toBe(0)
      expect(await eventTypes(app)).toEqual(kept)
    }),
  )

  on('thousands of old events go in batches, and what stays is not looked at again', () =>
    withApp(setup, async (app) => {
      const rows = Array.from({ length: 5_500 }, () => ({
        type: 'message.dead' as const,
        photoUuid: null,
      }))
      await app.db.transaction().execute((tx) => insertEvents(tx, rows, undefined, 10))
      await app.db.updateTable('events').set({ published_at: nowPlus() }).execute()
      const old = { ...app, config: { ...app.config, eventsKeepMs: -DAY_MS } }
      let deleted = 0
      for (let turn = 0; turn < 20 && deleted < 5_500; turn++) {
        deleted += await deleteOldEvents(old)
        await makeDue(app)
      }
      expect(deleted).toBe(5_500)
      const { position } = await app.db
        .selectFrom('turns')
        .select('position')
        .where('name', '=', 'events')
        .executeTakeFirstOrThrow()
      expect(position).toEqual(expect.any(String))
    }),
  )

  on('deliveries that are done are kept for DELIVERIES_KEEP', () =>
    withApp(setup, async (app) => {
      const deliver = (event_id: string, days: number, due: string | null) =>
        app.db
          .insertInto('deliveries')
          .values({ event_id, target: 'webhook', due, created_at: nowPlus(-days * DAY_MS) })
          .execute()
      const ids = [uuidv7(), uuidv7(), uuidv7()] as const
      await deliver(ids[0], 8, null)
      await deliver(ids[1], 8, new Date().toISOString())
      await deliver(ids[2], 6, null)
      expect(await deleteOldDeliveries(app)).toBe(1)
      const left = await app.db.selectFrom('deliveries').select('event_id').orderBy('event_id').execute()
      expect(left.map(({ event_id }) => event_id)).toEqual([ids[1], ids[2]])
    }),
  )

  on('originals of failed photos are kept for FAILED_KEEP, their rows for good', () =>
    withApp(setup, async (app) => {
      const [old, young, pending] = [
        await addStored(app, 'failed'),
        await addStored(app, 'failed'),
        await addStored(app, 'pending'),
      ]
      await app.db
        .updateTable('photos')
        .set({ updated_at: nowPlus(-31 * DAY_MS) })
        .where('uuid', '!=', young)
        .execute()
      expect(await removeFailedOriginals(app)).toBe(1)
      expect(await removeFailedOriginals(app)).toBe(0)
      await makeDue(app)
      expect(await removeFiles(app)).toBe(1)
      expect((await originals(app)).sort()).toEqual([young, pending].sort())
      expect(await findPhoto(app.db, old)).toMatchObject({
        status: 'failed',
        source_removed_at: expect.any(String),
      })
    }),
  )

  on('the original of a failed photo that is requested again is not removed', () =>
    withApp(setup, async (app) => {
      const uuid = await addStored(app, 'failed')
      await app.db
        .updateTable('photos')
        .set({ updated_at: nowPlus(-31 * DAY_MS) })
        .execute()
      await removeFailedOriginals(app)
      await app.db.updateTable('photos').set({ status: 'pending' }).execute()
      await makeDue(app)
      await removeFiles(app)
      expect(await originals(app)).toEqual([uuid])
      expect((await findPhoto(app.db, uuid)).source_removed_at).toBeNull()
    }),
  )
})

test('parts of dead processes go from directories, those that are being written stay', () =>
  withApp(SETUPS[0], async (app) => {
    const parts = [
      path.join(app.config.storageDir, 'originals/.parts'),
      path.join(app.config.thumbsDir, '.parts'),
    ]
    const longAgo = new Date(Date.now() - 31 * 60_000)
    for (const directory of parts) {
      await mkdir(directory, { recursive: true })
      await writeFile(path.join(directory, 'dead'), BYTES)
      await utimes(path.join(directory, 'dead'), longAgo, longAgo)
      await writeFile(path.join(directory, 'alive'), BYTES)
    }
    expect(await removeUnfinished(app)).toBe(2)
    for (const directory of parts) expect(await readdir(directory)).toEqual(['alive'])
    await app.storage.put(originalKey('a'), BYTES)
    expect((await stat(path.join(app.config.storageDir, 'originals/a'))).size).toBe(BYTES.length)
  }))

test('open multipart uploads of dead processes go from a bucket, those of uploads that go on stay', async () => {
  const server = await openS3Server()
  await withApp(
    SETUPS[0],
    async (app) => {
      const [dead, alive] = [uuidv7(), uuidv7()]
      for (const uuid of [dead, alive]) {
        await awaitUpload(app, { uuid, door: 'page', owner: NO_OWNER, name: 'a.jpg' })
        const { s3 } = readConfig(server.env)
        if (!s3) throw new Error('no bucket is configured')
        // Never ends, as if its process had died.
        const begun = Promise.withResolvers<void>()
        async function* endless() {
          begun.resolve()
          yield BYTES
          await new Promise(() => {})
        }
        openS3(s3)
          .putStream(originalKey(uuid), endless(), 1_000)
          .catch(() => {})
        await begun.promise
      }
      await expect.poll(() => server.openUploads()).toBe(2)
      expect(await removeUnfinished(app)).toBe(0)
      server.ageUploads(31 * 60_000)
      await app.db
        .updateTable('photos')
        .set({ check_after: nowPlus(-1) })
        .where('uuid', '=', dead)
        .execute()
      await makeDue(app)
      expect(await removeUnfinished(app)).toBe(1)
      expect(server.openUploads()).toBe(1)
    },
    server.env,
  )
  await server.close()
})

test('however many processes sweep, one looks for what is unfinished', () =>
  withApp(SETUPS[0], async (app) => {
    let looks = 0
    const looking = withStorage(app, {
      unfinished() {
        looks++
        return app.storage.unfinished()
      },
    })
    await Promise.all(Array.from({ length: 5 }, () => removeUnfinished(looking)))
    expect(looks).toBe(1)
  }))
