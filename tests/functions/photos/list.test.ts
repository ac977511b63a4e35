import { describe, expect, test } from 'vitest'
import { list } from '../../../functions/photos/list.ts'
import type { App } from '../../../lib/app.ts'
import { isAvailable, SETUPS, withApp } from '../../support/app.ts'
import { at, call, insertPhoto, post, problemOf, withServer } from '../support.ts'

type Page = { items: { uuid: string; thumbnails: object[] }[]; next: string | null }

const uuidsOf = ({ items }: Page) => items.map(({ uuid }) => uuid)

/** The names of the photos that a query string gives, in its order. */
async function namesFor(url: string, query: string): Promise<(string | null)[]> {
  const answer = await fetch(`${url}/photos?${query}`)
  const { items } = (await answer.json()) as { items: { name: string | null }[] }
  return items.map(({ name }) => name)
}

/** One photo a second, each different in what can be filtered. */
async function insertDifferent(app: App): Promise<void> {
  await insertPhoto(app, { name: 'waiting', created_at: at(1) })
  await insertPhoto(app, { name: 'done', created_at: at(2), status: 'completed', project_id: 111 })
  const corrupt = { status: 'failed', error_code: 'corrupt-image', error: 'Corrupt' } as const
  await insertPhoto(app, { name: 'corrupt', created_at: at(3), ...corrupt, project_id: 222 })
  const blocked = { status: 'failed', error_code: 'blocked-address', error: 'Blocked' } as const
  await insertPhoto(app, { name: 'blocked', created_at: at(4), ...blocked, project_id: 111 })
  await insertPhoto(app, { name: 'a,b & "c" 100%', created_at: at(5), project_id: Number.MAX_SAFE_INTEGER })
}

describe.for(SETUPS)('GET /photos on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('gives photos as their own address does, with their thumbnails', () =>
    withApp(setup, async (app) => {
      const metadata = { format: 'jpeg', contentType: 'image/jpeg', width: 640, height: 480, bytes: 9 }
      const uuid = await insertPhoto(app, {
        name: 'done',
        status: 'completed',
        project_id: 7,
        attempts: 2,
        created_at: at(1),
        updated_at: at(2),
        metadata: JSON.stringify(metadata),
      })
      const thumbnail = { name: 'thumbnail', width: 320, height: 240, url: 'ab/ab.jpg' }
      await app.db
        .insertInto('photo_thumbnails')
        .values({ ...thumbnail, photo_uuid: uuid, format: 'jpeg', bytes: 9 })
        .execute()
      const { body } = await call(list, app, { query: { limit: 100 } })
      expect(body).toEqual({
        items: [
          {
            uuid,
            url: 'https://example.com/photo.jpg',
            status: 'completed',
            door: 'photos',
            project_id: 7,
            name: 'done',
            retry: null,
            attempts: 2,
            created_at: at(1),
            updated_at: at(2),
            metadata: { ...metadata, exif: null, thumbhash: null },
            error: null,
            thumbnails: [{ ...thumbnail, uuid: expect.any(String), created_at: expect.any(String) }],
          },
        ],
        next: null,
      })
    }),
  )

  on('filters by each field alone and by several at once', () =>
    withApp(setup, async (app) => {
      await insertDifferent(app)
      await withServer(app, async (url) => {
        for (const [query, names] of FILTERS) expect.soft(await namesFor(url, query), query).toEqual(names)
      })
    }),
  )

  on.for([1, 2, 3, 5])('gives all in pages of %i, newest first', (limit) =>
    withApp(setup, async (app) => {
      const same: string[] = []
      for (let i = 0; i < 4; i++) same.push(await insertPhoto(app, { created_at: at(5) }))
      const oldest = await insertPhoto(app, { created_at: at(1) })
      const newest = await insertPhoto(app, { created_at: at(9) })
      const seen: string[] = []
      for (let after: string | null | undefined; after !== null && seen.length < 20; ) {
        const answer = await call(list, app, { query: { limit, ...(after && { after }) } })
        const page = answer.body as Page
        seen.push(...uuidsOf(page))
        after = page.next
      }
      expect(seen).toEqual([newest, ...same.sort().reverse(), oldest])
    }),
  )

  on('neither loses nor repeats photos when new ones come between two pages', () =>
    withApp(setup, async (app) => {
      const first = await insertPhoto(app, { created_at: at(1) })
      const second = await insertPhoto(app, { created_at: at(2) })
      const page = (await call(list, app, { query: { limit: 1 } })).body as Page
      expect(uuidsOf(page)).toEqual([second])
      await insertPhoto(app, { created_at: at(3) })
      const query = { limit: 10, after: page.next ?? '' }
      expect((await call(list, app, { query })).body).toMatchObject({ items: [{ uuid: first }], next: null })
    }),
  )

  on('keeps to its filter from page to page', () =>
    withApp(setup, async (app) => {
      for (let i = 0; i < 6; i++)
        await insertPhoto(app, { created_at: at(1), status: i % 2 ? 'failed' : 'pending', name: String(i) })
      const names = []
      for (let after: string | null | undefined; after !== null && names.length < 20; ) {
        const query = { limit: 2, status: 'failed' as const, ...(after && { after }) }
        const page = (await call(list, app, { query })).body as {
          items: { name: string }[]
          next: string | null
        }
        names.push(...page.items.map(({ name }) => name))
        after = page.next
      }
      expect(names.sort()).toEqual(['1', '3', '5'])
    }),
  )

  on('gives 100 unless told', () =>
    withApp(setup, (app) =>
      withServer(app, async (url) => {
        await post(`${url}/photos`, { urls: Array.from({ length: 101 }, () => 'https://example.com/a.jpg') })
        const usual = (await (await fetch(`${url}/photos`)).json()) as Page
        expect(usual.items).toHaveLength(100)
        const rest = (await (await fetch(`${url}/photos?after=${usual.next}`)).json()) as Page
        expect(rest).toMatchObject({ items: [{}], next: null })
        expect(uuidsOf(usual)).not.toContain(uuidsOf(rest)[0])
      }),
    ),
  )

  on('refuses values that no photo can have, and says which', () =>
    withApp(setup, (app) =>
      withServer(app, async (url) => {
        for (const [field, value] of REFUSED) {
          const problem = await problemOf(await fetch(`${url}/photos?${field}=${value}`), 422)
          const pointers = problem.errors?.map(({ pointer }) => pointer)
          expect.soft(pointers, `${field}=${value}`).toContain(`/query/${field}`)
        }
      }),
    ),
  )

  on.for(STRANGE)('answers %s without a fault', ([, query]) =>
    withApp(setup, async (app) => {
      await insertPhoto(app, { created_at: at(0) })
      await withServer(app, async (url) => {
        const answer = await fetch(`${url}/photos?${query}`)
        expect([200, 422]).toContain(answer.status)
        if (answer.status === 200) expect(await answer.json()).toEqual({ items: [], next: null })
      })
    }),
  )
})

const FILTERS: [query: string, names: string[]][] = [
  ['', ['a,b & "c" 100%', 'blocked', 'corrupt', 'done', 'waiting']],
  ['status=failed', ['blocked', 'corrupt']],
  ['status=init', []],
  ['door=photos&status=completed', ['done']],
  ['project_id=111', ['blocked', 'done']],
  ['project_id=9007199254740991', ['a,b & "c" 100%']],
  ['project_id=333', []],
  ['name=done', ['done']],
  ['name=DONE', []],
  ['name=don%25', []],
  ['name=*DON*', ['done']],
  ['name=*o*e*', ['blocked', 'done']],
  ['name=*d*o*n*e*', ['done']],
  [`name=${'*'.repeat(100)}o${'*'.repeat(100)}e`, ['done']],
  ['name=*%25*', ['a,b & "c" 100%']],
  ['name=*%5C*', []],
  ['name=a,b%20%26%20%22c%22%20100%25', ['a,b & "c" 100%']],
  ['code=corrupt-image', ['corrupt']],
  ['code=nonsense', []],
  ['created_after=2026-01-01T00:00:04.000Z', ['a,b & "c" 100%', 'blocked']],
  ['created_before=2026-01-01T00:00:02.000Z', ['done', 'waiting']],
  ['created_before=2026-01-01T00:00:01.999Z', ['waiting']],
  ['created_before=2026-01-01T02:00:02%2B02:00', ['done', 'waiting']],
  ['created_after=2026-01-01T00:00:02Z&created_before=2026-01-01T00:00:03Z', ['corrupt', 'done']],
  ['created_after=2026-01-01T00:00:04Z&created_before=2026-01-01T00:00:02Z', []],
  ['status=failed&project_id=111&code=blocked-address&name=blocked', ['blocked']],
  ['status=failed&project_id=111&code=corrupt-image', []],
]

const REFUSED: [field: string, value: string][] = [
  ['status', 'done'],
  ['status', ''],
  ['door', 'nonsense'],
  ['project_id', '0'],
  ['project_id', '-1'],
  ['project_id', '1.5'],
  ['project_id', '9007199254740992'],
  ['project_id', 'abc'],
  ['name', 'n'.repeat(256)],
  ['name', '*a*a*a*a*a*'],
  ['name', '*a'.repeat(127)],
  ['created_after', 'yesterday'],
  ['created_after', '2026-02-30T00:00:00Z'],
  ['created_before', '2026-01-01'],
  ['created_before', '2026-01-01T00:00:00'],
  ['limit', '0'],
  ['limit', '1001'],
  ['limit', 'ten'],
  ['after', 'nonsense'],
]

/** Well-formed, and still beyond what a database or a clock can hold: nothing fits, or it is refused. */
const STRANGE: [what: string, query: string][] = [
  ['a name of a NUL', 'name=%00'],
  ['a code of a NUL', 'code=%00'],
  ['a leap second', 'created_after=2026-12-31T23:59:60Z'],
  ['the year 0', 'created_before=0000-01-01T00:00:00Z'],
  ['the last hour of the year 9999, west of Greenwich', 'created_after=9999-12-31T23:59:59-23:00'],
  ['a time with a space for its T', 'created_after=2026-01-02%2000:00:00Z'],
]
