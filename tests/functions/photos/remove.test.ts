import { existsSync } from 'node:fs'
import path from 'node:path'
import { uuidv7 } from 'uuidv7'
import { describe, expect, test } from 'vitest'
import { remove } from '../../../functions/photos/remove.ts'
import type { App } from '../../../lib/app.ts'
import type { PhotoStatus } from '../../../lib/photo-status.ts'
import { addPhotos } from '../../../lib/photos/add.ts'
import { claim } from '../../../lib/photos/attempt.ts'
import { processPhoto } from '../../../lib/photos/process.ts'
import { isAvailable, SETUPS, withApp, withInlineWorker } from '../../support/app.ts'
import { jpeg, sample } from '../../support/images.ts'
import { call, eventsOf, insertPhoto, problemOf, withServer } from '../support.ts'

/** How many rows of each table are about a photo. */
async function rowsOf({ db }: App, uuid: string) {
  const photos = await db.selectFrom('photos').select('uuid').where('uuid', '=', uuid).execute()
  const thumbnails = await db
    .selectFrom('photo_thumbnails')
    .select('url')
    .where('photo_uuid', '=', uuid)
    .execute()
  const events = await db.selectFrom('events').select('type').where('photo_uuid', '=', uuid).execute()
  return [photos.length, thumbnails.length, events.length]
}

/** An uploaded photo that waits, with its original in the storage. */
async function addUploaded(app: App): Promise<{ uuid: string; original: string }> {
  const uuid = uuidv7()
  await app.storage.put(`originals/${uuid}`, await jpeg(sample(64, 48)))
  await addPhotos(app, [{ uuid, url: `originals/${uuid}`, door: 'photos' }])
  return { uuid, original: path.join(app.config.storageDir, 'originals', uuid) }
}

describe.for(SETUPS)('DELETE /photos/{uuid} on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('removes a completed photo with its rows and files, and no other', () =>
    withInlineWorker(setup, async (app) => {
      const [{ uuid, original }, other] = [await addUploaded(app), await addUploaded(app)]
      const files: string[] = []
      for (const photo of [uuid, other.uuid]) {
        expect(await processPhoto(app, photo)).toBe('completed')
        const { url } = await app.db
          .selectFrom('photo_thumbnails')
          .select('url')
          .where('photo_uuid', '=', photo)
          .executeTakeFirstOrThrow()
        files.push(path.join(app.config.thumbsDir, url))
      }
      expect([original, ...files].map((file) => existsSync(file))).toEqual([true, true, true])
      const before = await rowsOf(app, other.uuid)
      expect(await call(remove, app, { params: { uuid } })).toMatchObject({ status: 204, body: null })
      expect([original, ...files].map((file) => existsSync(file))).toEqual([false, false, true])
      expect(existsSync(other.original)).toBe(true)
      // The one event that is left tells listeners that the photo has gone.
      expect(await rowsOf(app, uuid)).toEqual([0, 0, 1])
      expect(await eventsOf(app, 'image.deleted')).toMatchObject([
        { photo_uuid: uuid, published_at: expect.any(String) },
      ])
      expect(await rowsOf(app, other.uuid)).toEqual(before)
    }),
  )

  on('removes a photo in any state but processing, with a source elsewhere', () =>
    withApp(setup, async (app) => {
      for (const status of ['init', 'pending', 'completed', 'failed'] satisfies PhotoStatus[]) {
        const uuid = await insertPhoto(app, { status })
        const answer = await call(remove, app, { params: { uuid: uuid.toUpperCase() } })
        expect.soft(answer.status, status).toBe(204)
        expect.soft((await rowsOf(app, uuid))[0], status).toBe(0)
      }
    }),
  )

  on('answers 204 over HTTP without a body, then 404', () =>
    withApp(setup, async (app) => {
      const uuid = await insertPhoto(app)
      await withServer(app, async (url) => {
        const answer = await fetch(`${url}/photos/${uuid}`, { method: 'DELETE' })
        expect([answer.status, await answer.text()]).toEqual([204, ''])
        expect((await fetch(`${url}/photos/${uuid}`)).status).toBe(404)
        for (const id of [uuid, uuidv7(), 'nonsense']) {
          const problem = await problemOf(await fetch(`${url}/photos/${id}`, { method: 'DELETE' }), 404)
          expect.soft(problem.code, id).toBe('not-found')
        }
      })
    }),
  )

  on('leaves a photo that a worker holds, with its files', () =>
    withApp(setup, async (app) => {
      const { uuid, original } = await addUploaded(app)
      await claim(app, uuid)
      const before = await rowsOf(app, uuid)
      await withServer(app, async (url) => {
        const answer = await fetch(`${url}/photos/${uuid}`, { method: 'DELETE' })
        expect((await problemOf(answer, 409)).code).toBe('already-processing')
      })
      expect(await rowsOf(app, uuid)).toEqual(before)
      expect(existsSync(original)).toBe(true)
      expect(await eventsOf(app, 'image.deleted')).toEqual([])
    }),
  )

  on('removes a photo once when asked twice at the same time', () =>
    withApp(setup, async (app) => {
      const uuid = await insertPhoto(app)
      const statuses = Array.from({ length: 4 }, () =>
        call(remove, app, { params: { uuid } }).then(
          ({ status }) => status,
          ({ status }: { status: number }) => status,
        ),
      )
      expect((await Promise.all(statuses)).sort()).toEqual([204, 404, 404, 404])
      expect(await eventsOf(app, 'image.deleted')).toHaveLength(1)
    }),
  )

  on('removes a row whose url is another file of this machine, and leaves the file', () =>
    withApp(setup, async (app) => {
      const { original } = await addUploaded(app)
      for (const url of [original, `originals/../originals/${path.basename(original)}`]) {
        const uuid = await insertPhoto(app, { url })
        expect((await call(remove, app, { params: { uuid } })).status).toBe(204)
        expect(existsSync(original)).toBe(true)
      }
    }),
  )
})
