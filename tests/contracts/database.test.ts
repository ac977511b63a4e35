import { randomUUID } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { sql } from 'kysely'
import { uuidv7 } from 'uuidv7'
import { describe, expect, test } from 'vitest'
import { type Db, isPostgres, nowPlus, uuids } from '../../lib/db/port.ts'
import { THUMBNAIL_RECIPE } from '../../lib/imaging/recipe.ts'
import { markPublished } from '../../lib/outbox/published.ts'
import { claim, complete, fail, renew } from '../../lib/photos/attempt.ts'
import { freeExpired } from '../../lib/photos/expired.ts'
import { findPhoto } from '../../lib/photos/row.ts'
import { renditionPath } from '../../lib/renditions/path.ts'
import { renditionKey } from '../../lib/storage/port.ts'
import { eventsOf, expireLeases, insertPhoto } from '../functions/support.ts'
import { isAvailable, SETUPS, withApp } from '../support/app.ts'
import { until } from '../support/service.ts'

const DATABASES = [
  { name: 'SQLite', setup: SETUPS[0] },
  { name: 'PostgreSQL', setup: SETUPS[1] },
] as const

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
const PHOTO_URL = 'https://example.com/photo.jpg'
/** The clock of a database server may differ by so much. */
const CLOCKS_MS = 10_000

/** Inserts events that wait to be published; those called `refused` fail whoever marks them. */
async function insertEvents(db: Db, details: readonly string[]): Promise<string[]> {
  const rows = details.map((detail) => ({ id: uuidv7(), type: 'image.queued' as const, detail }))
  await db.insertInto('events').values(rows).execute()
  return rows.map(({ id }) => id)
}

async function refuseMarks(db: Db): Promise<void> {
  const when = sql`before update on events for each row when (new.detail = 'refused')`
  if (!isPostgres(db)) {
    await sql`create trigger refuse ${when} begin select raise(abort, 'refused'); end`.execute(db)
    return
  }
  const body = sql.raw(`$$ begin raise exception 'refused'; end $$`)
  await sql`create function refuse() returns trigger language plpgsql as ${body}`.execute(db)
  await sql`create trigger refuse ${when} execute function refuse()`.execute(db)
}

const unpublished = async (db: Db) =>
  (await db.selectFrom('events').select('id').where('published_at', 'is', null).orderBy('id').execute()).map(
    ({ id }) => id,
  )

const readNow = async (db: Db, ms?: number) => {
  const row = await db.selectNoFrom(nowPlus(ms).as('now')).executeTakeFirstOrThrow()
  return Date.parse(row.now)
}

describe.for(DATABASES)('database in $name', ({ setup }) => {
  const on = test.skipIf(!isAvailable(setup))

  on('times are RFC 3339 in UTC with milliseconds, wherever the session is', () =>
    withApp(setup, async ({ db }) => {
      await db.connection().execute(async (one) => {
        if (isPostgres(db)) await sql`set time zone 'Asia/Kathmandu'`.execute(one)
        const photo_uuid = await insertPhoto({ db: one })
        const start = Date.now()
        const now = nowPlus()
        const { created_at, updated_at, queued_at, lease_until, check_after } = await one
          .updateTable('photos')
          .set({ queued_at: now, lease_until: now, check_after: '2026-02-03T04:05:06.007Z' })
          .returningAll()
          .executeTakeFirstOrThrow()
        const thumbnail = { photo_uuid, name: 'thumbnail', width: 1, height: 1, url: 'a', format: 'jpeg' }
        const made = await one
          .insertInto('photo_thumbnails')
          .values({ ...thumbnail, bytes: 1 })
          .returning('created_at')
          .executeTakeFirstOrThrow()
        const event = await one
          .insertInto('events')
          .values({ id: uuidv7(), type: 'image.queued', publish_after: now, published_at: now })
          .returning(['at', 'publish_after', 'published_at'])
          .executeTakeFirstOrThrow()
        const times = [
          created_at,
          updated_at,
          queued_at,
          lease_until,
          made.created_at,
          ...Object.values(event),
        ]
        for (const time of times) {
          expect(time).toMatch(TIME)
          expect(Date.parse(String(time))).toBeGreaterThan(start - CLOCKS_MS)
          expect(Date.parse(String(time))).toBeLessThan(Date.now() + CLOCKS_MS)
        }
        expect(check_after).toBe('2026-02-03T04:05:06.007Z')
      })
    }),
  )

  on('a row inserted by hand is a pending photo with a uuid and a time', () =>
    withApp(setup, async ({ db }) => {
      for (let i = 0; i < 20; i++) await sql`insert into photos (url) values (${PHOTO_URL})`.execute(db)
      const rows = await db.selectFrom('photos').selectAll().execute()
      expect(new Set(rows.map(({ uuid }) => uuid)).size).toBe(20)
      for (const row of rows) {
        expect(row.uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
        expect(row).toMatchObject({ url: PHOTO_URL, status: 'pending', attempts: 0, queued_at: null })
        expect(row.created_at).toMatch(TIME)
      }
    }),
  )

  on('refuses another status, a photo without a URL, and a thumbnail without its photo or twice', () =>
    withApp(setup, async ({ db }) => {
      await expect(sql`insert into photos (url, status) values ('a', 'done')`.execute(db)).rejects.toThrow()
      await expect(sql`insert into photos (url) values (null)`.execute(db)).rejects.toThrow()
      const uuid = await insertPhoto({ db })
      await expect(sql`update photos set status = 'Pending'`.execute(db)).rejects.toThrow()
      const add = (photo: string) =>
        sql`insert into photo_thumbnails (photo_uuid, width, height, url) values (${photo}, 1, 1, 'a')`
      await expect(add(randomUUID()).execute(db)).rejects.toThrow()
      await add(uuid).execute(db)
      await expect(add(uuid).execute(db)).rejects.toThrow()
      for (const status of ['init', 'processing', 'completed', 'failed', 'pending'])
        await sql`update photos set status = ${sql.lit(status)}`.execute(db)
      expect(await db.selectFrom('photos').select('status').execute()).toEqual([{ status: 'pending' }])
    }),
  )

  on('finds rows among 20,000 uuids, and none among none', () =>
    withApp(setup, async ({ db }) => {
      const known = [await insertPhoto({ db }), await insertPhoto({ db })].sort()
      await insertPhoto({ db })
      const find = (list: readonly string[]) =>
        db.selectFrom('photos').select('uuid').where('uuid', 'in', uuids(db, list)).orderBy('uuid').execute()
      const listed = [...Array.from({ length: 20_000 }, () => randomUUID()), ...known]
      expect((await find(listed)).map(({ uuid }) => uuid)).toEqual(known)
      expect(await find([])).toEqual([])
    }),
  )

  on('tells its own time, moved by milliseconds, which goes on within a transaction', () =>
    withApp(setup, async ({ db }) => {
      const now = await readNow(db)
      expect((await readNow(db, 60_000)) - now).toBeGreaterThanOrEqual(60_000)
      expect((await readNow(db, 60_000)) - now).toBeLessThan(110_000)
      expect((await readNow(db, -60_000)) - now).toBeLessThan(-10_000)
      await db.transaction().execute(async (tx) => {
        const before = await readNow(tx)
        await until(async () => (await readNow(tx)) - before >= 25)
      })
      await insertPhoto({ db })
      const due = db.selectFrom('photos').select('uuid')
      expect(await due.where('created_at', '<=', nowPlus(1)).execute()).toHaveLength(1)
      expect(await due.where('created_at', '<', nowPlus(-60_000)).execute()).toEqual([])
    }),
  )

  on('of 20 claims of one photo at once one wins, and counts', () =>
    withApp(setup, async (app) => {
      const uuid = await insertPhoto(app)
      const claims = await Promise.all(Array.from({ length: 20 }, () => claim(app, uuid)))
      const won = claims.filter((attempt) => attempt !== undefined)
      expect(won).toHaveLength(1)
      expect(await findPhoto(app.db, uuid)).toMatchObject({
        status: 'processing',
        attempts: 1,
        lease_token: won[0]?.token,
        lease_until: expect.stringMatching(TIME),
      })
      expect(await eventsOf(app, 'image.processing')).toHaveLength(1)
    }),
  )

  on('an attempt that lost its photo to another changes nothing, neither rows nor files', () =>
    withApp(setup, async (app) => {
      const uuid = await insertPhoto(app)
      const late = await claim(app, uuid)
      await expireLeases(app)
      await freeExpired(app)
      const current = await claim(app, uuid)
      if (!late || !current) throw new Error('not claimed')
      const url = renditionPath(uuid, THUMBNAIL_RECIPE, { name: 'thumbnail', format: 'jpeg' })
      await app.storage.put(renditionKey(url), Buffer.from('of the other'))
      const before = await findPhoto(app.db, uuid)
      const made = { name: 'thumbnail', format: 'jpeg', width: 1, height: 1, url, bytes: 1 }
      expect(await renew(app, late)).toBe(false)
      expect(await complete(app, late, [made], {})).toBe(false)
      expect(await fail(app, late, { code: 'corrupt-image', message: 'too late' })).toBe(false)
      expect(await findPhoto(app.db, uuid)).toEqual(before)
      expect(await app.db.selectFrom('photo_thumbnails').selectAll().execute()).toEqual([])
      expect(await app.storage.read(renditionKey(url), 100)).toEqual(Buffer.from('of the other'))
      expect(await eventsOf(app, 'image.failed')).toEqual([])
      expect([await renew(app, current), await complete(app, current, [made], {})]).toEqual([true, true])
      expect(await findPhoto(app.db, uuid)).toMatchObject({ status: 'completed', attempts: 1 })
    }),
  )

  on('marks as published all that 50 tell at once', () =>
    withApp(setup, async ({ db }) => {
      const ids = await insertEvents(db, Array(150).fill('fine'))
      const [left] = await insertEvents(db, ['not told'])
      await Promise.all(Array.from({ length: 50 }, (_, i) => markPublished(db, ids.slice(i * 3, i * 3 + 3))))
      expect(await unpublished(db)).toEqual([left])
    }),
  )

  on('a group of marks that fails tells its callers, and does not stop the next', () =>
    withApp(setup, async ({ db }) => {
      await refuseMarks(db)
      const [bad = '', good = '', ...later] = await insertEvents(db, ['refused', 'fine', 'fine', 'fine'])
      const together = Promise.allSettled([markPublished(db, [bad]), markPublished(db, [good])])
      // Until the statement of the first group runs: what comes then is the next group.
      await nextTurn()
      const next = Promise.all(later.map((id) => markPublished(db, [id])))
      expect((await together).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
      await next
      expect(await unpublished(db)).toEqual([bad, good].sort())
      await markPublished(db, [good])
      expect(await unpublished(db)).toEqual([bad])
    }),
  )
})
