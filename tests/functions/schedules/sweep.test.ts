import { describe, expect, test } from 'vitest'
import { sweep } from '../../../functions/schedules/sweep.ts'
import type { App } from '../../../lib/app.ts'
import { readConfig } from '../../../lib/config/index.ts'
import { nowPlus } from '../../../lib/db/port.ts'
import { claim, complete } from '../../../lib/photos/attempt.ts'
import { requestProcessing } from '../../../lib/photos/request.ts'
import { isAvailable, SETUPS, withApp } from '../../support/app.ts'
import { at, eventsOf, insertPhoto } from '../support.ts'

const findRow = ({ db }: App, uuid: string) =>
  db.selectFrom('photos').selectAll().where('uuid', '=', uuid).executeTakeFirstOrThrow()

/** A photo whose worker has died while it rendered: its lease has run out. */
async function lose(app: App, attempts = 0) {
  const uuid = await insertPhoto(app, { attempts, queued_at: at(0) })
  const attempt = await claim(app, uuid)
  if (!attempt) throw new Error('not claimed')
  await app.db
    .updateTable('photos')
    .set({ lease_until: nowPlus(-1), render_began_at: nowPlus(-1) })
    .where('uuid', '=', uuid)
    .execute()
  return attempt
}

describe.for(SETUPS)('sweep on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('has nothing to do for photos that wait, are held, or are done', () =>
    withApp(setup, async (app) => {
      await insertPhoto(app)
      await insertPhoto(app, { status: 'completed' })
      const claimed = await insertPhoto(app)
      await claim(app, claimed)
      const queued = await insertPhoto(app)
      await requestProcessing(app, [queued], false)
      expect(await sweep.run(app)).toBe(0)
      expect(await findRow(app, claimed)).toMatchObject({ status: 'processing' })
      expect(await eventsOf(app, 'image.queued')).toHaveLength(1)
    }),
  )

  on('frees a photo whose worker died, and asks for it again', () =>
    withApp(setup, async (app) => {
      const { photo } = await lose(app)
      expect([await sweep.run(app), await sweep.run(app)]).toEqual([1, 0])
      expect(await findRow(app, photo.uuid)).toMatchObject({
        status: 'pending',
        attempts: 1,
        lease_until: null,
        lease_token: null,
      })
      expect(await eventsOf(app, 'image.queued')).toMatchObject([
        { photo_uuid: photo.uuid, attempt: 1, published_at: expect.any(String) },
      ])
    }),
  )

  on('gives a photo up that cost MAX_ATTEMPTS workers', () =>
    withApp(
      setup,
      async (app) => {
        const { photo } = await lose(app, 2)
        expect([await sweep.run(app), await sweep.run(app)]).toEqual([1, 0])
        expect(await findRow(app, photo.uuid)).toMatchObject({ status: 'failed', error_code: 'worker-lost' })
        expect(await eventsOf(app, 'image.failed')).toMatchObject([{ photo_uuid: photo.uuid, attempt: 3 }])
      },
      { MAX_ATTEMPTS: '3' },
    ),
  )

  on('takes the photo from a worker that was only late: its result changes nothing', () =>
    withApp(setup, async (app) => {
      const attempt = await lose(app)
      await sweep.run(app)
      const made = { name: 'thumbnail', format: 'jpeg', width: 1, height: 1, url: 'a/late.jpg', bytes: 1 }
      expect(await complete(app, attempt, [made], {})).toBe(false)
      expect(await findRow(app, attempt.photo.uuid)).toMatchObject({ status: 'pending', metadata: null })
      expect(await app.db.selectFrom('photo_thumbnails').selectAll().execute()).toEqual([])
    }),
  )

  on('ends when it finds the database away: each part would wait for that', () =>
    withApp(setup, async (app) => {
      const failures: unknown[] = []
      const log = Object.assign(Object.create(app.log), { error: (fault: unknown) => failures.push(fault) })
      const away = Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })
      const db = app.db.withPlugin({
        transformQuery() {
          throw away
        },
        transformResult: async ({ result }) => result,
      })
      expect(await sweep.run({ ...app, db, log })).toBe(0)
      expect(failures).toEqual([{ err: away }])
    }),
  )

  on('goes on to the next part where one meets a limit of the database that works for the others', () =>
    withApp(setup, async (app) => {
      const answer = {
        route: 'POST /photos',
        key: 'k',
        fingerprint: '',
        status: 201,
        headers: '{}',
        body: '',
      }
      await app.db
        .insertInto('idempotency_keys')
        .values({ ...answer, created_at: at(0) })
        .execute()
      const late = Object.assign(new Error('canceling statement due to statement timeout'), { code: '57014' })
      const db = app.db.withPlugin({
        transformQuery({ node }) {
          if (node.kind === 'SelectQueryNode') throw late
          return node
        },
        transformResult: async ({ result }) => result,
      })
      expect(await sweep.run({ ...app, db })).toBe(1)
      expect(await app.db.selectFrom('idempotency_keys').selectAll().execute()).toEqual([])
    }),
  )

  on('frees each photo once, though several sweeps run at once', () =>
    withApp(setup, async (app) => {
      for (let i = 0; i < 10; i++) await lose(app)
      const counts = await Promise.all([1, 2, 3].map(() => sweep.run(app)))
      expect(counts.reduce((sum, count) => sum + count)).toBe(10)
      expect(await eventsOf(app, 'image.queued')).toHaveLength(10)
    }),
  )
})

test('the sweep runs every 5 seconds unless told', () => {
  expect(sweep.every(readConfig({}))).toBe(5_000)
  expect(sweep.every(readConfig({ SWEEP_INTERVAL_MS: '700' }))).toBe(700)
})
