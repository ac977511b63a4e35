import { describe, expect, test } from 'vitest'
import { reprocess } from '../../../functions/photos/reprocess.ts'
import type { PhotoStatus } from '../../../lib/photo-status.ts'
import { addPhotos } from '../../../lib/photos/add.ts'
import { runRelay, runWorker } from '../../../scripts/serve/roles.ts'
import { isAvailable, SETUPS, withApp } from '../../support/app.ts'
import { jpeg, sample } from '../../support/images.ts'
import { until } from '../../support/service.ts'
import { bytes, openSourceServer } from '../../support/source-server.ts'
import { at, call, eventsOf, insertPhoto, post, problemOf, withServer } from '../support.ts'

const STATUSES: PhotoStatus[] = ['init', 'pending', 'processing', 'completed', 'failed']

describe.for(SETUPS)('POST /photos/reprocess on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('asks for all that fit the filter, but those being processed or not uploaded', () =>
    withApp(setup, async (app) => {
      for (const [index, status] of STATUSES.entries())
        await insertPhoto(app, {
          status,
          name: status,
          attempts: 5,
          created_at: at(index),
          ...(status === 'failed' && { error_code: 'source-rejected', error: 'It answered 404' }),
        })
      const outcome = async (filter: object) => (await call(reprocess, app, { body: { filter } })).body
      expect(await outcome({ status: 'completed', name: 'failed' })).toEqual({ count: 0 })
      expect(await outcome({ status: 'processing' })).toEqual({ count: 0 })
      expect(await outcome({ status: 'init' })).toEqual({ count: 0 })
      expect(await outcome({ code: 'source-rejected', created_after: at(4), created_before: at(4) })).toEqual(
        {
          count: 1,
        },
      )
      expect(await outcome({ door: 'photos' })).toEqual({ count: 3 })
      // Those that are queued already are counted, and not queued twice.
      expect(await outcome({})).toEqual({ count: 3 })
      expect(await eventsOf(app, 'image.queued')).toHaveLength(3)
      const rows = await app.db.selectFrom('photos').selectAll().orderBy('created_at').execute()
      expect(
        rows.map(({ status, attempts, error, error_code }) => [status, attempts, error ?? error_code]),
      ).toEqual([
        ['init', 5, null],
        ['pending', 0, null],
        ['processing', 5, null],
        ['pending', 0, null],
        ['pending', 0, null],
      ])
    }),
  )

  on('asks for thousands in batches', () =>
    withApp(setup, async (app) => {
      const urls = Array.from({ length: 2_500 }, (_, i) => `https://example.com/${i}.jpg`)
      await addPhotos(
        app,
        urls.map((url) => ({ url, door: 'photos' })),
      )
      await app.db.updateTable('photos').set({ status: 'failed' }).execute()
      await insertPhoto(app, { status: 'completed' })
      const { status, body } = await call(reprocess, app, { body: { filter: { status: 'failed' } } })
      expect([status, body]).toEqual([202, { count: 2_500 }])
      expect(await eventsOf(app, 'image.queued')).toHaveLength(2_500)
    }),
  )

  on('what failed is processed again, and can succeed', async () => {
    const source = await openSourceServer()
    await withApp(setup, async (app) => {
      const parts = [await runRelay(app), await runWorker(app)]
      const urls = [1, 2, 3].map((i) => `${source.url}/${i}.jpg`)
      await addPhotos(
        app,
        urls.map((url) => ({ url, door: 'photos' as const, queued: true })),
      )
      const statuses = async () =>
        (await app.db.selectFrom('photos').select('status').execute()).map(({ status }) => status)
      await until(async () => (await statuses()).every((status) => status === 'failed'))
      const photo = await jpeg(sample(64, 48))
      for (const i of [1, 2, 3]) source.set(`/${i}.jpg`, bytes(photo))
      await withServer(app, async (url) => {
        const answer = await post(`${url}/photos/reprocess`, { filter: { status: 'failed' } })
        expect([answer.status, await answer.json()]).toEqual([202, { count: 3 }])
      })
      await until(async () => (await statuses()).every((status) => status === 'completed'))
      for (const part of parts.reverse()) await part.stop()
    })
    await source.close()
  })
})

test.each([
  [{}, ''],
  [{ filter: null }, '/filter'],
  [{ filter: { status: 'lost' } }, '/filter/status'],
  [{ filter: { unknown: 1 } }, '/filter/unknown'],
  [{ filter: { project_id: '7' } }, '/filter/project_id'],
  [{ filter: { created_after: 'yesterday' } }, '/filter/created_after'],
  [{ filter: {}, more: true }, '/more'],
  [[], ''],
])('%o is refused', (body, pointer) =>
  withApp(SETUPS[0], (app) =>
    withServer(app, async (url) => {
      const uuid = await insertPhoto(app, { status: 'failed' })
      const problem = await problemOf(await post(`${url}/photos/reprocess`, body), 422)
      expect(problem.code).toBe('invalid')
      if (pointer) expect(problem.errors?.map((error) => error.pointer)).toContain(pointer)
      expect(await app.db.selectFrom('photos').select(['uuid', 'status']).execute()).toEqual([
        { uuid, status: 'failed' },
      ])
    }),
  ),
)
