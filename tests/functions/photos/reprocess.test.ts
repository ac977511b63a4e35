import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { reprocess } from '../../../functions/photos/reprocess.ts'
import { type App, openApp } from '../../../lib/app.ts'
import { readConfig } from '../../../lib/config/index.ts'
import { migrate } from '../../../lib/db/migrate.ts'
import { uuids } from '../../../lib/db/port.ts'
import type { AppError } from '../../../lib/errors.ts'
import type { PhotoStatus } from '../../../lib/photo-status.ts'
import { addPhotos } from '../../../lib/photos/add.ts'
import { findPhoto } from '../../../lib/photos/row.ts'
import { runRelay, runWorker } from '../../../scripts/serve/roles.ts'
import { type Environment, isAvailable, SETUPS, withApp, withEnvironment } from '../../support/app.ts'
import { jpeg, sample } from '../../support/images.ts'
import { until } from '../../support/service.ts'
import { bytes, openSourceServer } from '../../support/source-server.ts'
import { watch } from '../../support/statements.ts'
import { at, call, eventsOf, insertPhoto, post, problemOf, sweepAll, withServer } from '../support.ts'

const STATUSES: PhotoStatus[] = ['init', 'pending', 'processing', 'completed', 'failed']

const addFailed = async (app: App, count: number) => {
  const urls = Array.from({ length: count }, (_, i) => `https://example.com/${i}.jpg`)
  const photos = await addPhotos(
    app,
    urls.map((url) => ({ url, door: 'photos' as const })),
  )
  const added = photos.map(({ uuid }) => uuid)
  await app.db
    .updateTable('photos')
    .set({ status: 'failed', error_code: 'network-error' })
    .where('uuid', 'in', uuids(app.db, added))
    .execute()
}

/** A process that dies while it reprocesses what failed. */
const dieIn = (env: Environment) =>
  promisify(execFile)(process.execPath, ['tests/support/dying-reprocess.ts'], {
    env: { PATH: process.env.PATH, ...env },
  }).catch((error: { signal: string }) => error)

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
      const outcome = async (filter: object) =>
        (await call(reprocess, app, { body: { filter, at_most: 100 } })).body
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

  on('answers after the first batch of thousands; the sweep queues the others, once each', () =>
    withApp(setup, async (app) => {
      await addFailed(app, 2_500)
      await insertPhoto(app, { status: 'completed' })
      const { status, body } = await call(reprocess, app, {
        body: { filter: { status: 'failed' }, at_most: 2_500 },
      })
      expect([status, body]).toEqual([202, { count: 2_500 }])
      const first = await eventsOf(app, 'image.queued')
      expect(first.length).toBeGreaterThan(0)
      expect(first.length).toBeLessThan(1_000)
      // What comes later is not part of it, and what has failed again meanwhile not a second time.
      await addFailed(app, 1)
      await app.db
        .updateTable('photos')
        .set({ status: 'failed' })
        .where('uuid', '=', first[0]?.photo_uuid ?? '')
        .execute()
      await sweepAll(app, 'reprocessings')
      const queued = (await eventsOf(app, 'image.queued')).map(({ photo_uuid }) => photo_uuid)
      expect([queued.length, new Set(queued).size]).toEqual([2_500, 2_500])
      expect(await app.db.selectFrom('reprocessings').selectAll().execute()).toEqual([])
    }),
  )

  on('a request whose process dies in the middle is continued by another one', () =>
    withEnvironment(setup, async (env) => {
      const app = await openApp(readConfig(env))
      await migrate(app.db)
      await addFailed(app, 1_500)
      // In its second batch, before the commit.
      expect(await dieIn(env)).toMatchObject({ signal: 'SIGKILL' })
      expect((await eventsOf(app, 'image.queued')).length).toBeLessThan(1_000)
      await sweepAll(app, 'reprocessings')
      // A queue within the process that died has lost what it held.
      const queued = (await eventsOf(app, 'image.queued'))
        .filter(({ detail }) => detail !== 'The broker lost the message')
        .map(({ photo_uuid }) => photo_uuid)
      expect([queued.length, new Set(queued).size]).toEqual([1_500, 1_500])
      await app.close()
    }),
  )

  on('says how many it would be, and does nothing, where the request is for a count or for too many', () =>
    withApp(setup, async (app) => {
      await addFailed(app, 1_001)
      await insertPhoto(app, { status: 'failed', project_id: 7 })
      await insertPhoto(app, { status: 'processing', project_id: 7 })
      const outcome = (body: object, projects: '*' | number[] = '*') =>
        call(reprocess, app, {
          body: { filter: {}, ...body },
          caller: { scopes: ['write'], projects },
        }).then(
          ({ status, body }) => [status, (body as { count: number }).count],
          ({ status, code }: AppError) => [status, code],
        )
      const failed = { filter: { status: 'failed' } }
      expect(await outcome({})).toEqual([422, 'at-most-required'])
      expect(await outcome({}, [7])).toEqual([422, 'at-most-required'])
      expect(await outcome(failed)).toEqual([422, 'at-most-required'])
      expect(await outcome({ at_most: 1_001 })).toEqual([409, 'too-many'])
      expect(await outcome({ ...failed, at_most: 5 })).toEqual([409, 'too-many'])
      expect(await outcome({ dry_run: true })).toEqual([200, 1_002])
      expect(await outcome({ dry_run: true, at_most: 1_002 })).toEqual([200, 1_002])
      expect(await outcome({ dry_run: true, at_most: 1_001 })).toEqual([409, 'too-many'])
      expect(await outcome({ dry_run: true }, [7])).toEqual([200, 1])
      expect(await outcome({ dry_run: true }, [8])).toEqual([200, 0])
      expect(await eventsOf(app, 'image.queued')).toEqual([])
      expect(await app.db.selectFrom('reprocessings').selectAll().execute()).toEqual([])
      // Of its own project it is one, and needs no number.
      expect(await outcome(failed, [7])).toEqual([202, 1])
      expect(await outcome({ at_most: 1_002 })).toEqual([202, 1_002])
    }),
  )

  on('counts no further than it must', () =>
    withApp(setup, async (app) => {
      await addFailed(app, 1_500)
      const { watched, statements } = watch(app)
      for (const [body, counted] of [
        [{ filter: { status: 'failed' }, at_most: 5 }, 6],
        [{ filter: { status: 'failed' } }, 1_001],
      ] as const) {
        await expect(call(reprocess, watched, { body })).rejects.toThrow()
        expect(statements.at(-1)?.parameters.at(-1)).toBe(counted)
      }
      const before = statements.length
      await expect(call(reprocess, watched, { body: { filter: {} } })).rejects.toThrow()
      expect(statements.length).toBe(before)
    }),
  )

  on('takes no more than it may, whatever fits meanwhile', () =>
    withApp(setup, async (app) => {
      await addFailed(app, 600)
      await app.db.updateTable('photos').set({ status: 'completed' }).execute()
      const first = await app.db
        .selectFrom('photos')
        .select('uuid')
        .orderBy('created_at')
        .orderBy('uuid')
        .limit(300)
        .execute()
      const failFirst = app.db.updateTable('photos').set({ status: 'failed' })
      await failFirst
        .where(
          'uuid',
          'in',
          uuids(
            app.db,
            first.map(({ uuid }) => uuid),
          ),
        )
        .execute()
      expect(
        (await call(reprocess, app, { body: { filter: { status: 'failed' }, at_most: 300 } })).body,
      ).toEqual({
        count: 300,
      })
      await failFirst.where('status', '=', 'completed').execute()
      await sweepAll(app, 'reprocessings')
      const queued = (await eventsOf(app, 'image.queued')).filter(({ detail }) => detail === null)
      expect(queued).toHaveLength(300)
    }),
  )

  on('a small request does not wait behind a large one', () =>
    withApp(setup, async (app) => {
      await addFailed(app, 1_500)
      const uuid = await insertPhoto(app, { status: 'failed', name: 'small', created_at: at(0) })
      await call(reprocess, app, {
        body: { filter: { door: 'photos', code: 'network-error' }, at_most: 2_000 },
      })
      expect((await call(reprocess, app, { body: { filter: { name: 'small' } } })).body).toEqual({ count: 1 })
      expect((await findPhoto(app.db, uuid)).status).toBe('pending')
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
  [{ filter: { label: 'album' } }, '/filter/label'],
  [{ filter: {}, at_most: 0 }, '/at_most'],
  [{ filter: {}, at_most: 1.5 }, '/at_most'],
  [{ filter: {}, at_most: 10_000_001 }, '/at_most'],
  [{ filter: {}, dry_run: 'yes' }, '/dry_run'],
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
