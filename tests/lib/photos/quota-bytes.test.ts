import { describe, expect, test } from 'vitest'
import { readUsage } from '../../../lib/access/usage.ts'
import type { App } from '../../../lib/app.ts'
import { processPhoto } from '../../../lib/photos/process.ts'
import { settleUpload } from '../../../lib/photos/receive-upload.ts'
import { removeFiles } from '../../../lib/photos/removals.ts'
import { findPhoto } from '../../../lib/photos/row.ts'
import { checkUploads } from '../../../lib/photos/uploads.ts'
import { upload, withUploads } from '../../functions/projects/support.ts'
import { eventsOf, insertPhoto, originals, post } from '../../functions/support.ts'
import { isAvailable, SETUPS } from '../../support/app.ts'
import { jpeg, sample } from '../../support/images.ts'
import { bytes, sequence, status } from '../../support/source-server.ts'
import { addPhoto, expectCompleted, expectFailed, withPipeline } from './support.ts'

const bytesOf = async ({ db, access }: App) => (await readUsage(db, access.quotas, 7)).bytes_per_day.used

const waits = (app: App, uuid: string) =>
  app.db.updateTable('photos').set({ check_after: null }).where('uuid', '=', uuid).execute()

describe.for(SETUPS)('the bytes of a day on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('are those of uploads: one that has too many fails, and what it stored goes', () =>
    withUploads(
      setup,
      async (app, url, link) => {
        expect((await upload(await link(), 'a'.repeat(60))).status).toBe(204)
        const second = await link()
        expect(await upload(second, 'b'.repeat(41))).toEqual({ status: 429, code: 'quota-exceeded' })
        expect(await findPhoto(app.db, second.image_id)).toMatchObject({
          status: 'failed',
          error_code: 'quota-exceeded',
          queued_at: null,
        })
        expect(await eventsOf(app, 'image.failed')).toMatchObject([
          { photo_uuid: second.image_id, detail: expect.stringMatching(/^quota-exceeded: /) },
        ])
        expect(await originals(app)).toHaveLength(1)
        expect(await bytesOf(app)).toBe(60)
        // To the last byte.
        expect((await upload(await link(), 'c'.repeat(40))).status).toBe(204)
        const beyond = await post(`${url}/images`, { filename: 'a.jpg', project_id: 7 })
        expect([beyond.status, await beyond.json()]).toMatchObject([429, { quota: 'bytes_per_day' }])
        expect(await bytesOf(app)).toBe(100)
      },
      { QUOTA_BYTES_PER_DAY: '100' },
    ),
  )

  on('keep out what another upload by the same link brings after that has failed', () =>
    withUploads(
      setup,
      async (app, _url, link) => {
        const full = await link()
        expect((await upload(full, 'a'.repeat(101))).status).toBe(429)
        await app.storage.put(`originals/${full.image_id}`, Buffer.alloc(102))
        await expect(settleUpload(app, full.image_id)).rejects.toMatchObject({ code: 'quota-exceeded' })
        expect(await originals(app)).toEqual([])
      },
      { QUOTA_BYTES_PER_DAY: '100' },
    ),
  )

  on('are counted once, however often an upload is confirmed', () =>
    withUploads(
      setup,
      async (app, url, link) => {
        const { image_id } = await link()
        await app.storage.put(`originals/${image_id}`, Buffer.alloc(30))
        const confirm = () => fetch(`${url}/images/${image_id}/uploaded`, { method: 'POST' })
        const statuses = await Promise.all([confirm(), confirm(), checkUploads(app), confirm()])
        expect(statuses.filter((answer) => answer instanceof Response).map(({ status }) => status)).toEqual([
          202, 202, 202,
        ])
        expect(await bytesOf(app)).toBe(30)
      },
      { QUOTA_BYTES_PER_DAY: '100' },
    ),
  )

  on('end uploads that nobody but the sweep confirms, too', () =>
    withUploads(
      setup,
      async (app, _url, link) => {
        const { image_id } = await link()
        await app.storage.put(`originals/${image_id}`, Buffer.alloc(101))
        await waits(app, image_id)
        await checkUploads(app)
        expect(await findPhoto(app.db, image_id)).toMatchObject({ error_code: 'quota-exceeded' })
        await app.db.updateTable('removals').set({ due: '2026-01-01T00:00:00.000Z' }).execute()
        expect(await removeFiles(app)).toBe(1)
        expect(await originals(app)).toEqual([])
      },
      { QUOTA_BYTES_PER_DAY: '100' },
    ),
  )

  on('are those of files on the page', () =>
    withUploads(
      setup,
      async (app, url) => {
        const form = new FormData()
        form.append('project_id', '7')
        form.append('image', new Blob(['a'.repeat(80)]), 'a.jpg')
        form.append('image', new Blob(['b'.repeat(80)]), 'b.jpg')
        form.append('image', new Blob(['c'.repeat(20)]), 'c.jpg')
        const answer = await fetch(`${url}/upload`, { method: 'POST', body: form })
        expect(await answer.json()).toMatchObject({
          results: [
            { uuid: expect.any(String) },
            { name: 'b.jpg', error: { code: 'quota-exceeded' } },
            { uuid: expect.any(String) },
          ],
        })
        expect([(await originals(app)).length, await bytesOf(app)]).toEqual([2, 100])
      },
      { QUOTA_BYTES_PER_DAY: '100' },
    ),
  )

  on('are those of sources, each time that one is downloaded', async () => {
    const picture = await jpeg(sample(40, 30))
    const quota = 3 * picture.length
    await withPipeline(
      setup,
      async (pipeline) => {
        const { app } = pipeline
        const ofProject = async (...given: Parameters<typeof addPhoto>) => {
          const uuid = await addPhoto(...given)
          await app.db.updateTable('photos').set({ project_id: 7 }).where('uuid', '=', uuid).execute()
          return uuid
        }
        const photo = await ofProject(pipeline, picture)
        expect(await processPhoto(app, photo)).toBe('completed')
        expect(await bytesOf(app)).toBe(picture.length)
        // What did not come costs nothing.
        const retried = await ofProject(pipeline, sequence(status(503), bytes(picture)))
        expect(await processPhoto(app, retried)).toBe('retried')
        expect(await processPhoto(app, retried)).toBe('completed')
        expect(await bytesOf(app)).toBe(2 * picture.length)
        expect(await processPhoto(app, await ofProject(pipeline, picture))).toBe('completed')
        const beyond = await ofProject(pipeline, picture)
        expect(await processPhoto(app, beyond)).toBe('failed')
        await expectFailed(pipeline, beyond, 'quota-exceeded')
        expect(await bytesOf(app)).toBe(quota)
        // Photos of no project have no quota, and originals were counted when they were confirmed.
        const free = await addPhoto(pipeline, picture)
        await processPhoto(app, free)
        await expectCompleted(pipeline, free)
        const original = await insertPhoto(app, { project_id: 7 })
        const url = `originals/${original}`
        await app.storage.put(url, picture)
        await app.db.updateTable('photos').set({ url }).where('uuid', '=', original).execute()
        expect(await processPhoto(app, original)).toBe('completed')
        expect(await bytesOf(app)).toBe(quota)
      },
      { QUOTA_BYTES_PER_DAY: `${quota}`, WORKER_THREADS: '0' },
    )
  })

  on('of sources at once are no more than there are', async () => {
    const picture = await jpeg(sample(40, 30))
    await withPipeline(
      setup,
      async (pipeline) => {
        const { app } = pipeline
        const uuids = await Promise.all(Array.from({ length: 8 }, () => addPhoto(pipeline, picture)))
        await app.db.updateTable('photos').set({ project_id: 7 }).execute()
        const outcomes = await Promise.all(uuids.map((uuid) => processPhoto(app, uuid)))
        expect(outcomes.toSorted()).toEqual([...Array(3).fill('completed'), ...Array(5).fill('failed')])
      },
      { QUOTA_BYTES_PER_DAY: `${3 * picture.length + 1}`, WORKER_THREADS: '0' },
    )
  })
})
