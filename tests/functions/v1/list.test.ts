import { describe, expect, test } from 'vitest'
import type { App } from '../../../lib/app.ts'
import { isAvailable, SETUPS, withApp } from '../../support/app.ts'
import { at, insertPhoto, problemOf, withServer } from '../support.ts'

type Listed = {
  items: { id: string; status: string; url: string }[]
  pagination: { total: number; limit: number; offset: number; has_more: boolean; total_estimated?: true }
}

/** A job a second, every third failed, and photos of other doors in between. */
async function insertJobs(app: App, count: number): Promise<string[]> {
  const uuids: string[] = []
  for (let i = 0; i < count; i++) {
    const status = i % 3 === 0 ? 'failed' : 'completed'
    uuids.push(await insertPhoto(app, { door: 'v1', status, created_at: at(i), metadata: METADATA }))
    await insertPhoto(app, { door: 'jobs', created_at: at(i) })
  }
  return uuids.reverse()
}

const METADATA = JSON.stringify({ format: 'png', contentType: 'image/png', width: 3, height: 2, bytes: 70 })

const get = async (url: string, query: string) =>
  (await (await fetch(`${url}/v1/images?${query}`)).json()) as Listed

describe.for(SETUPS)('GET /v1/images on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('pages through the jobs of this door, newest first', () =>
    withApp(setup, (app) =>
      withServer(app, async (url) => {
        const uuids = await insertJobs(app, 25)
        const first = await get(url, '')
        expect(first.items.map(({ id }) => id)).toEqual(uuids.slice(0, 20))
        expect(first.pagination).toEqual({ total: 25, limit: 20, offset: 0, has_more: true })
        const second = await get(url, 'offset=20')
        expect(second.items.map(({ id }) => id)).toEqual(uuids.slice(20))
        expect(second.pagination).toEqual({ total: 25, limit: 20, offset: 20, has_more: false })
        const linked = await fetch(`${url}/v1/images?limit=5&offset=10&created_after=2026-01-01`)
        expect(linked.headers.get('link')).toBe(
          `<${app.config.publicUrl}/v1/images?limit=5&offset=15&created_after=2026-01-01>; rel="next"`,
        )
        expect((await fetch(`${url}/v1/images?offset=20`)).headers.get('link')).toBeNull()
        const exact = await get(url, 'limit=5&offset=20')
        expect(exact.pagination).toMatchObject({ has_more: false })
        const beyond = await get(url, 'limit=100&offset=1000')
        expect(beyond).toEqual({
          items: [],
          pagination: { total: 25, limit: 100, offset: 1000, has_more: false },
        })
      }),
    ),
  )

  on('filters by status and by times that include the instant they name', () =>
    withApp(setup, (app) =>
      withServer(app, async (url) => {
        await insertJobs(app, 9)
        const failed = await get(url, 'status=failed')
        expect(failed.items.map(({ status }) => status)).toEqual(['failed', 'failed', 'failed'])
        expect(failed.pagination.total).toBe(3)
        const some = await get(url, `created_after=${at(2)}&created_before=${at(5)}`)
        expect(some.pagination.total).toBe(4)
        const both = await get(url, `status=failed&created_after=${at(2)}&created_before=${at(5)}&limit=1`)
        expect(both.pagination).toMatchObject({ total: 1, has_more: false })
        expect((await get(url, 'status=init')).pagination.total).toBe(0)
        const naive = await get(url, 'created_after=2026-01-01T00:00:02&created_before=2026-01-01T00:00:05')
        expect(naive.pagination.total).toBe(4)
        expect((await get(url, 'created_after=2026-01-01T00:00&limit=1')).pagination.total).toBe(9)
        expect((await get(url, 'created_before=2026-01-01')).pagination.total).toBe(1)
      }),
    ),
  )

  on('an item is what its own address shows', () =>
    withApp(setup, (app) =>
      withServer(app, async (url) => {
        const [id = ''] = await insertJobs(app, 2)
        const { items } = await get(url, 'status=completed')
        expect(items).toHaveLength(1)
        expect(items[0]).toEqual(await (await fetch(`${url}/v1/images/${id}`)).json())
        expect(items[0]).toMatchObject({
          result: { width: 3, height: 2, format: 'png', size_bytes: 70, source_content_type: 'image/png' },
        })
      }),
    ),
  )
})

test.each([
  ['status=done', '/query/status'],
  ['created_after=yesterday', '/query/created_after'],
  ['created_before=2026-02-30T00:00:00Z', '/query/created_before'],
  ['limit=0', '/query/limit'],
  ['limit=1e300', '/query/limit'],
  ['limit=ten', '/query/limit'],
  ['offset=-1', '/query/offset'],
  ['offset=1.5', '/query/offset'],
])('refuses ?%s, naming %s', (query, pointer) =>
  withApp(SETUPS[0], (app) =>
    withServer(app, async (url) => {
      const problem = await problemOf(await fetch(`${url}/v1/images?${query}`), 422)
      expect(problem.errors).toMatchObject([{ pointer }])
      if (query === 'status=done')
        expect(problem.errors?.[0]?.detail).toBe(
          'must be one of init, pending, processing, completed, failed',
        )
    }),
  ),
)
