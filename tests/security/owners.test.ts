import { expect, test } from 'vitest'
import { SETUPS } from '../support/app.ts'
import { jpeg, sample } from '../support/images.ts'
import { type Client, clientOf, withClients } from './clients.ts'
import { bearer, makeKey } from './credentials.ts'
import { SOURCE } from './world.ts'

test('the query of a source is for the key that added it, and for admin', () =>
  withClients(SETUPS[0], async (app, { url }) => {
    const [adder, other, admin] = [
      clientOf(url, await makeKey(app)),
      clientOf(url, await makeKey(app)),
      clientOf(url, await makeKey(app, [1], ['admin'])),
    ]
    const added = await adder<{ uuid: string }>('/photos', { url: SOURCE })
    const { uuid } = added.body
    const job = (await adder<{ id: string }>('/v1/images', { url: SOURCE })).body.id
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
      ['/photos', { url: SOURCE }],
      ['/api/v1/images/process', { imageUrl: SOURCE, transformations: [] }],
      ['/v1/images', { url: SOURCE }],
      ['/v1/images/batch', { urls: [SOURCE] }],
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
