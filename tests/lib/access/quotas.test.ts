import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import type { Owner } from '../../../lib/access/caller.ts'
import { readUsage, setQuota } from '../../../lib/access/usage.ts'
import type { App } from '../../../lib/app.ts'
import { addPhotos } from '../../../lib/photos/add.ts'
import { submitImages } from '../../../lib/photos/submit.ts'
import { createUpload } from '../../../lib/photos/uploads.ts'
import { type Environment, isAvailable, SETUPS, withApp } from '../../support/app.ts'
import { watch } from '../../support/statements.ts'

const OWNER: Owner = { projectId: 7, keyId: null }
const OTHER: Owner = { projectId: 8, keyId: null }

const URL_OF_PHOTO = 'https://example.com/photo.jpg'

const add = (app: App, count = 1, owner: Owner = OWNER) =>
  addPhotos(
    app,
    Array.from({ length: count }, () => ({ url: URL_OF_PHOTO, door: 'jobs' as const, owner, queued: true })),
  )

const link = (app: App) => createUpload(app, { filename: 'a.jpg', owner: OWNER, maxBytes: 1000 })

/** How the rule of a quota is broken. */
const refusal = (quota: string, detail: RegExp) => ({
  code: 'quota-exceeded',
  status: 429,
  message: expect.stringMatching(detail),
  extensions: { quota },
})

const countPhotos = async ({ db }: App) =>
  (
    await db
      .selectFrom('photos')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow()
  ).count

/** How many of the calls were accepted; the others were refused by a quota. */
async function accepted(calls: readonly Promise<unknown>[]): Promise<number> {
  const settled = await Promise.allSettled(calls)
  for (const one of settled)
    if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'quota-exceeded' })
  return settled.filter(({ status }) => status === 'fulfilled').length
}

const used = async (app: App, id = 7) => {
  const { photos_per_day, bytes_per_day, waiting } = await readUsage(app.db, app.access.quotas, id)
  return { photos: photos_per_day.used, bytes: bytes_per_day.used, waiting: waiting.used }
}

describe.for(SETUPS)('quotas on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))
  const withQuotas = (env: Environment, use: (app: App) => Promise<void>) => withApp(setup, use, env)

  on('photos a day are those of a project, whatever becomes of them', () =>
    withQuotas({ QUOTA_PHOTOS_PER_DAY: '3' }, async (app) => {
      await add(app, 2)
      await expect(add(app, 2)).rejects.toMatchObject(
        refusal('photos_per_day', /3 photos a day, and 1 are left/),
      )
      await link(app)
      await app.db.deleteFrom('photos').execute()
      await expect(add(app)).rejects.toMatchObject(refusal('photos_per_day', /0 are left/))
      await expect(link(app)).rejects.toMatchObject(refusal('photos_per_day', /0 are left/))
      expect(await used(app)).toEqual({ photos: 3, bytes: 0, waiting: 0 })
      await add(app, 3, OTHER)
      // What belongs to no project has no quota.
      await add(app, 9, { projectId: null, keyId: null })
    }),
  )

  on('a list that is too long for a quota leaves nothing', () =>
    withQuotas({ QUOTA_PHOTOS_PER_DAY: '3', DUPLICATE_HANDLING: 'reject-active' }, async (app) => {
      const urls = [1, 2, 3, 4].map((i) => `${URL_OF_PHOTO}?${i}`)
      await expect(submitImages(app, urls, OWNER)).rejects.toMatchObject({ code: 'quota-exceeded' })
      expect([await countPhotos(app), (await used(app)).photos]).toEqual([0, 0])
      expect(await submitImages(app, urls.slice(1), OWNER)).toHaveLength(3)
      // What is there already is no photo more.
      expect(await submitImages(app, urls.slice(1), OWNER)).toMatchObject(Array(3).fill({ duplicate: true }))
    }),
  )

  on('of requests at once only as many are accepted as there are places', () =>
    withQuotas({ QUOTA_PHOTOS_PER_DAY: '7' }, async (app) => {
      const calls = Array.from({ length: 30 }, (_, i) => (i % 3 === 0 ? link(app) : add(app)))
      expect(await accepted(calls)).toBe(7)
      expect([await countPhotos(app), (await used(app)).photos]).toEqual([7, 7])
    }),
  )

  on('a day ends at midnight in UTC by the clock of the database', () =>
    withQuotas({ QUOTA_PHOTOS_PER_DAY: '2' }, async (app) => {
      await add(app, 2)
      await app.db.updateTable('project_quotas').set({ day: '2026-01-31', bytes_today: 5 }).execute()
      expect(await used(app)).toEqual({ photos: 0, bytes: 0, waiting: 2 })
      expect(await accepted(Array.from({ length: 6 }, () => add(app)))).toBe(2)
      expect(await used(app)).toEqual({ photos: 2, bytes: 0, waiting: 4 })
      const { rows } = await sql<{
        day: string
        now: string
      }>`select day, now_plus(0) as now from project_quotas`.execute(app.db)
      expect(rows).toEqual([{ day: rows[0]?.now.slice(0, 10), now: expect.any(String) }])
      const error = await add(app).catch((error) => error)
      const untilMidnight = 86_400_000 - (Date.now() % 86_400_000)
      expect(Math.abs(error.retryAfterMs - untilMidnight)).toBeLessThan(60_000)
    }),
  )

  on('a place among those that wait is free when a photo is done', () =>
    withQuotas({ QUOTA_WAITING: '3' }, async (app) => {
      const photos = await add(app, 2)
      await link(app)
      await expect(add(app)).rejects.toMatchObject(
        refusal('waiting', /3 photos that are not done, and 0 places/),
      )
      expect(await used(app)).toEqual({ photos: 3, bytes: 0, waiting: 3 })
      const done = (status: 'completed' | 'failed' | 'processing', i: number) =>
        app.db
          .updateTable('photos')
          .set({ status })
          .where('uuid', '=', photos[i]?.uuid ?? '')
          .execute()
      await done('processing', 0)
      await expect(add(app)).rejects.toMatchObject({ code: 'quota-exceeded' })
      await done('completed', 0)
      await done('failed', 1)
      expect(await accepted(Array.from({ length: 10 }, () => add(app)))).toBe(2)
      const error = await add(app).catch((error) => error)
      expect(error.retryAfterMs).toBeGreaterThan(0)
    }),
  )

  on('a project may have quotas of its own, which go before those of the configuration', () =>
    withQuotas({ QUOTA_PHOTOS_PER_DAY: '1' }, async (app) => {
      const { quotas } = app.access
      await setQuota(app.db, quotas, 7, { photos_per_day: 2 })
      await add(app, 2)
      await expect(add(app)).rejects.toMatchObject({ code: 'quota-exceeded' })
      await setQuota(app.db, quotas, 7, { waiting: 9 })
      await expect(add(app)).rejects.toMatchObject(refusal('photos_per_day', /2 photos a day/))
      await setQuota(app.db, quotas, 7, { photos_per_day: null, waiting: null })
      await expect(add(app)).rejects.toMatchObject(refusal('photos_per_day', /1 photos a day/))
      await setQuota(app.db, quotas, 7, { photos_per_day: 0 })
      await expect(add(app)).rejects.toMatchObject(refusal('photos_per_day', /0 photos a day/))
    }),
  )

  on('where nobody has a quota no statement is added; a quota that is set holds at once', () =>
    withQuotas({}, async (app) => {
      const { watched, statements } = watch(app)
      const ofProject = async (owner: Owner) => {
        statements.length = 0
        await add(watched, 1, owner)
        await createUpload(watched, { filename: 'a.jpg', owner, maxBytes: 1000 })
        return statements.map(({ sql }) => sql)
      }
      // Whether anybody has one is looked up once in a few seconds.
      await ofProject(OWNER)
      expect(await ofProject(OWNER)).toEqual(await ofProject({ projectId: null, keyId: null }))
      expect((await ofProject(OWNER)).filter((text) => text.includes('project_quotas'))).toEqual([])
      await setQuota(app.db, app.access.quotas, 7, { waiting: 0 })
      await expect(add(app)).rejects.toMatchObject({ code: 'quota-exceeded' })
      await add(app, 1, OTHER)
    }),
  )
})

test.skipIf(!isAvailable(SETUPS[1]))('what waits of a project is counted by its index', () =>
  withApp(SETUPS[1], async (app) => {
    await sql`insert into photos (url, status, project_id)
      select ${URL_OF_PHOTO}, (case when i % 100 = 0 then 'pending' else 'completed' end)::photo_status, i % 3
      from generate_series(1, 30000) as i`.execute(app.db)
    await sql`analyze photos`.execute(app.db)
    const { watched, statements } = watch(app)
    await setQuota(app.db, app.access.quotas, 1, { waiting: 1_000 })
    await add(watched, 1, { projectId: 1, keyId: null })
    const counting = statements.find(({ sql }) => sql.includes('"waiting"') && sql.includes('count'))
    if (!counting) throw new Error('nothing was counted')
    const { rows } = await app.db.executeQuery({ ...counting, sql: `explain (format json) ${counting.sql}` })
    expect(JSON.stringify(rows)).toContain('"Index Name":"photos_waiting"')
  }),
)
