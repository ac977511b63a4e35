import { describe, expect, test } from 'vitest'
import type { App } from '../../lib/app.ts'
import { findPhoto } from '../../lib/photos/row.ts'
import { originalKey } from '../../lib/storage/port.ts'
import { insertPhoto, withServer } from '../functions/support.ts'
import { type Environment, isAvailable, SETUPS, withApp } from '../support/app.ts'
import { jpeg, sample } from '../support/images.ts'
import { ADMIN_KEY, bearer, makeKey, WITH_KEYS } from './credentials.ts'
import { makePhoto } from './world.ts'

const URL_A = 'https://example.com/a.jpg?token=hush'

/** Sends requests with a key; returns status and body. */
const clientOf =
  (url: string, key: string) =>
  async <T = { code?: string }>(path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const answer = await fetch(`${url}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        ...bearer(key),
        ...headers,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const isJson = answer.headers.get('content-type')?.includes('json')
    return { status: answer.status, body: (isJson ? await answer.json() : await answer.text()) as T }
  }

type Client = ReturnType<typeof clientOf>

/** A service with a client of project 1, one of project 2, and one that sees all. */
const withClients = (
  setup: (typeof SETUPS)[number],
  use: (app: App, clients: { one: Client; two: Client; all: Client; url: string }) => Promise<void>,
  more: Environment = {},
) =>
  withApp(
    setup,
    (app) =>
      withServer(app, async (url) => {
        const [one, two] = [clientOf(url, await makeKey(app, [1])), clientOf(url, await makeKey(app, [2]))]
        await use(app, { one, two, all: clientOf(url, ADMIN_KEY), url })
      }),
    { ...WITH_KEYS, ...more },
  )

type Items = { items: { uuid: string; id: string }[] }

describe.for(SETUPS)('a key of a project on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('lists and counts its photos only', () =>
    withClients(setup, async (app, { one, two, all }) => {
      const own = await insertPhoto(app, { project_id: 1, door: 'v1' })
      const foreign = await insertPhoto(app, { project_id: 2, door: 'v1' })
      const nobodys = await insertPhoto(app, { door: 'v1' })
      const seenBy = async (client: Client) => {
        const list = (await client<Items>('/photos')).body.items.map(({ uuid }) => uuid)
        const jobs = await client<Items & { pagination: { total: number } }>('/v1/images')
        return {
          list: list.sort(),
          pending: (await client<{ uuid: string }[]>('/photos/pending')).body.map(({ uuid }) => uuid).sort(),
          jobs: jobs.body.items.map(({ id }) => id).sort(),
          total: jobs.body.pagination.total,
          metrics: (await client<{ total: number }>('/v1/metrics')).body.total,
          stats: (await client<{ total: number }>('/photos/stats')).body.total,
        }
      }
      const seen = (...uuids: string[]) => {
        const [list, count] = [uuids.sort(), uuids.length]
        return { list, pending: list, jobs: list, total: count, metrics: count, stats: count }
      }
      expect(await seenBy(one)).toEqual(seen(own))
      expect(await seenBy(two)).toEqual(seen(foreign))
      expect(await seenBy(all)).toEqual(seen(own, foreign, nobodys))
      const filtered = await one<Items>('/photos?project_id=2')
      expect([filtered.status, filtered.body.items]).toEqual([200, []])
    }),
  )

  on('has idempotency keys of its own', () =>
    withClients(setup, async (app, { one, two, all }) => {
      const headers = { 'idempotency-key': 'once' }
      const send = async (client: Client) =>
        (await client<{ id: string }>('/v1/images', { url: URL_A }, headers)).body.id
      const [first, second, third] = [await send(one), await send(two), await send(all)]
      expect(new Set([first, second, third]).size).toBe(3)
      expect([await send(one), await send(two), await send(all)]).toEqual([first, second, third])
      expect([
        await findPhoto(app.db, first),
        await findPhoto(app.db, second),
        await findPhoto(app.db, third),
      ]).toMatchObject([{ project_id: 1 }, { project_id: 2 }, { project_id: null }])
    }),
  )

  on('meets no duplicate of another', () =>
    withClients(
      setup,
      async (_app, { one, two, all }) => {
        for (const client of [one, two, all]) {
          expect((await client('/v1/images', { url: URL_A })).status).toBe(202)
          expect((await client('/v1/images', { url: URL_A })).status).toBe(409)
        }
        const batch = await two<{ duplicates: unknown[]; accepted: unknown[] }>('/v1/images/batch', {
          urls: [URL_A, 'https://example.com/b.jpg'],
        })
        expect([batch.body.duplicates.length, batch.body.accepted.length]).toEqual([1, 1])
      },
      { DUPLICATE_HANDLING: 'reject-active' },
    ),
  )

  on('gets no completed job of another, and its links anew each time', () =>
    withClients(
      setup,
      async (app, { one, two }) => {
        const { uuid } = await makePhoto(app, 1, await jpeg(sample(8, 8)))
        const { url_hash } = await findPhoto(
          app.db,
          (await one<{ id: string }>('/v1/images', { url: URL_A })).body.id,
        )
        await app.db.deleteFrom('photos').where('uuid', '!=', uuid).execute()
        await app.db.updateTable('photos').set({ door: 'v1', url: URL_A, url_hash }).execute()
        const headers = { 'idempotency-key': 'once' }
        const found = await one<{ id: string; result: { thumbnail_path: string } }>(
          '/v1/images',
          { url: URL_A },
          headers,
        )
        expect([found.status, found.body.id]).toEqual([200, uuid])
        expect(found.body.result.thumbnail_path).toContain('&sig=')
        expect(await app.db.selectFrom('idempotency_keys').selectAll().execute()).toEqual([])
        expect((await two('/v1/images', { url: URL_A })).status).toBe(202)
      },
      { DUPLICATE_HANDLING: 'reuse-completed' },
    ),
  )

  on('requests processing of its photos only, by name or by filter', () =>
    withClients(setup, async (app, { one, url }) => {
      const failed = { status: 'failed', error_code: 'network-error', error: 'away' } as const
      const own = await insertPhoto(app, { project_id: 1, ...failed })
      const foreign = await insertPhoto(app, { project_id: 2, ...failed })
      const nobodys = await insertPhoto(app, failed)
      const statuses = async () =>
        Promise.all([own, foreign, nobodys].map(async (uuid) => (await findPhoto(app.db, uuid)).status))
      const named = await one<{ accepted: string[]; rejected: object[] }>('/photos/process', [
        foreign,
        nobodys,
      ])
      expect(named.body).toMatchObject({
        accepted: [],
        rejected: [{ code: 'not-found' }, { code: 'not-found' }],
      })
      for (const filter of [{ project_id: 2 }, { status: 'completed' }])
        expect((await one('/photos/reprocess', { filter })).body).toEqual({ count: 0 })
      expect(await statuses()).toEqual(['failed', 'failed', 'failed'])
      expect((await one('/photos/reprocess', { filter: {} })).body).toEqual({ count: 1 })
      expect(await statuses()).toEqual(['pending', 'failed', 'failed'])
      const key = await makeKey(app, [1])
      for (const uuid of [foreign, nobodys])
        expect(
          (await fetch(`${url}/photos/${uuid}`, { method: 'DELETE', headers: bearer(key) })).status,
        ).toBe(404)
      expect(await statuses()).toEqual(['pending', 'failed', 'failed'])
    }),
  )

  on('reads no file of another: rendition, original or content', () =>
    withClients(setup, async (app, { one, two, all }) => {
      const image = await jpeg(sample(8, 8))
      for (const [project, client, others] of [
        [1, one, [two]],
        [2, two, [one]],
        [null, all, [one, two]],
      ] as const) {
        const { uuid, path } = await makePhoto(app, project, image)
        const files = [`/files/${path}`, `/files/${originalKey(uuid)}`, `/images/${uuid}/content`]
        for (const file of [
          ...files,
          `/images/${uuid}/content?version=thumb`,
          `/v1/images/${uuid}/thumbnail`,
        ]) {
          expect((await client(file)).status, file).toBe(200)
          expect((await all(file)).status, file).toBe(200)
          for (const other of others) expect((await other(file)).status, file).toBe(404)
        }
      }
    }),
  )
})

test('the query of a source is for the key that added it, and for admin', () =>
  withClients(SETUPS[0], async (app, { url }) => {
    const [adder, other, admin] = [
      clientOf(url, await makeKey(app)),
      clientOf(url, await makeKey(app)),
      clientOf(url, await makeKey(app, [1], ['admin'])),
    ]
    const added = await adder<{ uuid: string }>('/photos', { url: URL_A })
    const { uuid } = added.body
    const job = (await adder<{ id: string }>('/v1/images', { url: URL_A })).body.id
    const token = (await adder<{ token: string }>('/tokens', {})).body.token
    const shown = async (client: Client) =>
      JSON.stringify([
        (await client(`/photos/${uuid}`)).body,
        (await client('/photos')).body,
        (await client('/photos/pending')).body,
        (await client('/v1/images')).body,
        (await client(`/v1/images/${job}`)).body,
      ]).split('?token=hush').length - 1
    expect(JSON.stringify(added.body)).toContain('hush')
    expect(await shown(adder)).toBe(7)
    expect(await shown(clientOf(url, token))).toBe(7)
    expect(await shown(admin)).toBe(7)
    expect(await shown(other)).toBe(0)
  }))

test('what a key makes belongs to its project, at every door', () =>
  withClients(SETUPS[0], async (app, { one, url }) => {
    const bodies: [path: string, body: object][] = [
      ['/photos', { url: URL_A }],
      ['/api/v1/images/process', { imageUrl: URL_A, transformations: [] }],
      ['/v1/images', { url: URL_A }],
      ['/v1/images/batch', { urls: [URL_A] }],
      ['/images', { filename: 'a.jpg', project_id: 1 }],
    ]
    for (const [path, body] of bodies) expect((await one(path, body)).status, path).toBeLessThan(300)
    const form = new FormData()
    form.append('image', new Blob([new Uint8Array(await jpeg(sample(8, 8)))]), 'a.jpg')
    await fetch(`${url}/upload`, { method: 'POST', headers: bearer(await makeKey(app)), body: form })
    const rows = await app.db.selectFrom('photos').select(['door', 'project_id', 'key_id']).execute()
    expect(new Set(rows.map(({ door }) => door))).toEqual(
      new Set(['photos', 'jobs', 'v1', 'projects', 'page']),
    )
    for (const row of rows) expect(row).toMatchObject({ project_id: 1, key_id: expect.any(String) })
    const several = clientOf(url, await makeKey(app, [1, 2]))
    for (const [path, body] of bodies.slice(0, 4)) {
      expect((await several(path, body)).status, path).toBe(422)
      expect((await several(path, { ...body, project_id: 2 })).status, path).toBeLessThan(300)
      expect((await several(path, { ...body, project_id: 3 })).status, path).toBe(404)
    }
  }))
