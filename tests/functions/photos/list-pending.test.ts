import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import { listPending } from '../../../functions/photos/list-pending.ts'
import type { App } from '../../../lib/app.ts'
import type { PhotoStatus } from '../../../lib/photo-status.ts'
import { isAvailable, SETUPS, withApp } from '../../support/app.ts'
import { at, call, insertPhoto, problemOf, withServer } from '../support.ts'

type Item = { uuid: string; url: string; status: string; created_at: string }

const uuidsOf = (body: unknown) => (body as Item[]).map(({ uuid }) => uuid)

const UUID = '01890a5d-ac96-774b-bcce-b302099a8057'
const cursor = (text: string) => Buffer.from(text).toString('base64url')

/** What a client may make up. */
const CURSORS: [what: string, cursor: string][] = [
  ['that is no base64', 'nonsense!'],
  ['of a NUL', '%00'],
  ['that is too long', 'a'.repeat(201)],
  ['of nothing', cursor('')],
  ['without a uuid', cursor(at(0))],
  ['with an id that is no uuid', cursor(`${at(0)}/nonsense`)],
  ['with a time that is none', cursor(`yesterday/${UUID}`)],
  ['of a month that no year has', cursor(`2026-13-01T00:00:00.000Z/${UUID}`)],
  ['of a day that its month has not', cursor(`2026-02-30T00:00:00.000Z/${UUID}`)],
  ['of the year 0, which PostgreSQL has not', cursor(`0000-01-01T00:00:00.000Z/${UUID}`)],
]

/** Seven photos of which the middle five are of the same millisecond, oldest first. */
async function insertSeven(app: App): Promise<string[]> {
  const same = []
  for (let i = 0; i < 5; i++) same.push(await insertPhoto(app, { created_at: at(5) }))
  const last = await insertPhoto(app, { created_at: at(9) })
  const first = await insertPhoto(app, { created_at: at(1) })
  return [first, ...same.sort(), last]
}

describe.for(SETUPS)('GET /photos/pending on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('gives photos that are pending, of every kind, oldest first', () =>
    withApp(setup, async (app) => {
      expect((await call(listPending, app, { query: { limit: 1000 } })).body).toEqual([])
      const queued = await insertPhoto(app, { created_at: at(2), queued_at: at(3) })
      const oldest = await insertPhoto(app, { created_at: at(1) })
      for (const status of ['init', 'processing', 'completed', 'failed'] satisfies PhotoStatus[])
        await insertPhoto(app, { status, created_at: at(1) })
      const url = 'https://example.com/photo.jpg'
      expect((await call(listPending, app, { query: { limit: 1000 } })).body).toEqual([
        { uuid: oldest, url, status: 'pending', created_at: '2026-01-01T00:00:01.000Z' },
        { uuid: queued, url, status: 'pending', created_at: '2026-01-01T00:00:02.000Z' },
      ])
    }),
  )

  on('gives a row that was inserted by hand', () =>
    withApp(setup, async (app) => {
      await sql`insert into photos (url) values ('https://example.com/hand.jpg')`.execute(app.db)
      expect((await call(listPending, app, { query: { limit: 1 } })).body).toEqual([
        {
          uuid: expect.stringMatching(
            /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
          ),
          url: 'https://example.com/hand.jpg',
          status: 'pending',
          created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        },
      ])
    }),
  )

  on.for([1, 2, 3, 6, 7])('gives all in pages of %i, whose links lead on', (limit) =>
    withApp(setup, async (app) => {
      const photos = await insertSeven(app)
      const seen: string[] = []
      let pages = 0
      for (let after: string | undefined; pages < 20; ) {
        const answer = await call(listPending, app, { query: { limit, ...(after && { after }) } })
        seen.push(...uuidsOf(answer.body))
        pages++
        after = /[?&]after=([^&>]+)/.exec(String(answer.headers.link))?.[1]
        if (!after) break
      }
      expect(seen).toEqual(photos)
      expect(pages).toBe(Math.ceil(7 / limit))
    }),
  )

  on('goes on where it was when photos before the cursor have gone', () =>
    withApp(setup, async (app) => {
      const photos = await insertSeven(app)
      const first = await call(listPending, app, { query: { limit: 3 } })
      const after = /after=([^&>]+)/.exec(String(first.headers.link))?.[1] ?? ''
      await app.db.deleteFrom('photos').where('uuid', 'in', photos.slice(0, 3)).execute()
      expect(uuidsOf((await call(listPending, app, { query: { limit: 10, after } })).body)).toEqual(
        photos.slice(3),
      )
    }),
  )

  on('links to the next page by the public URL', () =>
    withApp(
      setup,
      async (app) => {
        await insertSeven(app)
        await withServer(app, async (url) => {
          const answer = await fetch(`${url}/photos/pending?limit=4`)
          const link = answer.headers.get('link') ?? ''
          expect(link).toMatch(
            /^<https:\/\/photos\.example\.com\/api\/photos\/pending\?limit=4&after=[\w-]+>; rel="next"$/,
          )
          const next = link.slice(1, link.indexOf('>')).replace('https://photos.example.com/api', url)
          const last = await fetch(next)
          expect(await last.json()).toHaveLength(3)
          expect(last.headers.get('link')).toBeNull()
        })
      },
      { PUBLIC_URL: 'https://photos.example.com/api/', AUTH: 'none' },
    ),
  )

  on('gives 1,000 unless told, and 10,000 at most', () =>
    withApp(setup, async (app) => {
      const rows = Array.from({ length: 1001 }, (_, i) => ({
        url: `https://example.com/${i}`,
        created_at: at(i),
      }))
      await app.db.insertInto('photos').values(rows).execute()
      await withServer(app, async (url) => {
        const usual = await fetch(`${url}/photos/pending`)
        expect(await usual.json()).toHaveLength(1000)
        expect(usual.headers.get('link')).toMatch(/limit=1000&after=/)
        const most = await fetch(`${url}/photos/pending?limit=10000`)
        expect(await most.json()).toHaveLength(1001)
      })
    }),
  )

  on('refuses a limit that is none', () =>
    withApp(setup, (app) =>
      withServer(app, async (url) => {
        for (const limit of ['0', '-1', '10001', '1.5', 'many', '1e99']) {
          const problem = await problemOf(await fetch(`${url}/photos/pending?limit=${limit}`), 422)
          expect.soft(problem.errors?.[0]?.pointer, limit).toBe('/query/limit')
        }
      }),
    ),
  )

  on.for(CURSORS)('refuses a cursor %s', ([, after]) =>
    withApp(setup, (app) =>
      withServer(app, async (url) => {
        const problem = await problemOf(await fetch(`${url}/photos/pending?after=${after}`), 422)
        expect(problem).toMatchObject({ code: 'invalid', errors: [{ pointer: '/query/after' }] })
      }),
    ),
  )
})
