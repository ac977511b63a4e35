import { describe, expect, test } from 'vitest'
import { findPhoto } from '../../lib/photos/row.ts'
import { originalKey } from '../../lib/storage/port.ts'
import { insertPhoto } from '../functions/support.ts'
import { isAvailable, SETUPS } from '../support/app.ts'
import { jpeg, sample } from '../support/images.ts'
import { type Client, clientOf, withClients } from './clients.ts'
import { bearer, makeKey } from './credentials.ts'
import { makePhoto, SOURCE } from './world.ts'

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

  on('gives no token that may upload less the upload link of another by its idempotency key', () =>
    withClients(setup, async (_app, { one, url }) => {
      const headers = { 'idempotency-key': 'once' }
      const body = { filename: 'a.jpg', project_id: 1 }
      type Made = { image_id: string }
      const token = (await one<{ token: string }>('/tokens', { max_bytes: 20 })).body.token
      const limited = () => clientOf(url, token)<Made>('/images', body, headers)
      const [first, second] = [await one<Made>('/images', body, headers), await limited()]
      expect([first.status, second.status]).toEqual([201, 201])
      expect(second.body.image_id).not.toBe(first.body.image_id)
      expect((await limited()).body.image_id).toBe(second.body.image_id)
    }),
  )

  on('has idempotency keys of its own', () =>
    withClients(setup, async (app, { one, two, all }) => {
      const headers = { 'idempotency-key': 'once' }
      const send = async (client: Client) =>
        (await client<{ id: string }>('/v1/images', { url: SOURCE }, headers)).body.id
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
          expect((await client('/v1/images', { url: SOURCE })).status).toBe(202)
          expect((await client('/v1/images', { url: SOURCE })).status).toBe(409)
        }
        const batch = await two<{ duplicates: unknown[]; accepted: unknown[] }>('/v1/images/batch', {
          urls: [SOURCE, 'https://example.com/b.jpg'],
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
          (await one<{ id: string }>('/v1/images', { url: SOURCE })).body.id,
        )
        await app.db.deleteFrom('photos').where('uuid', '!=', uuid).execute()
        await app.db.updateTable('photos').set({ door: 'v1', url: SOURCE, url_hash }).execute()
        const headers = { 'idempotency-key': 'once' }
        const found = await one<{ id: string; result: { thumbnail_path: string } }>(
          '/v1/images',
          { url: SOURCE },
          headers,
        )
        expect([found.status, found.body.id]).toEqual([200, uuid])
        expect(found.body.result.thumbnail_path).toContain('&sig=')
        expect(await app.db.selectFrom('idempotency_keys').selectAll().execute()).toEqual([])
        expect((await two('/v1/images', { url: SOURCE })).status).toBe(202)
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
      expect((await one('/photos/reprocess', { filter: {}, at_most: 1 })).body).toEqual({ count: 1 })
      expect(await statuses()).toEqual(['pending', 'failed', 'failed'])
      const key = await makeKey(app, [1])
      for (const uuid of [foreign, nobodys])
        expect(
          (await fetch(`${url}/photos/${uuid}`, { method: 'DELETE', headers: bearer(key) })).status,
        ).toBe(404)
      expect(await statuses()).toEqual(['pending', 'failed', 'failed'])
      const removing = { method: 'DELETE', headers: { ...bearer(key), 'content-type': 'application/json' } }
      const body = JSON.stringify({ filter: {}, at_most: 1 })
      expect(await (await fetch(`${url}/photos`, { ...removing, body })).json()).toEqual({ count: 1 })
      const left = await app.db.selectFrom('photos').select('uuid').execute()
      expect(left.map(({ uuid }) => uuid).sort()).toEqual([foreign, nobodys].sort())
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
