import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { json } from 'node:stream/consumers'
import { uuidv7 } from 'uuidv7'
import { describe, expect, test } from 'vitest'
import { showByNickname } from '../../../functions/page/show-by-nickname.ts'
import type { Caller } from '../../../lib/access/caller.ts'
import type { App } from '../../../lib/app.ts'
import { MAX_VALUE_BYTES } from '../../../lib/cache/port.ts'
import { setNickname } from '../../../lib/photos/nickname.ts'
import { renditionKey } from '../../../lib/storage/port.ts'
import { isAvailable, SETUPS, withApp } from '../../support/app.ts'
import { call, insertPhoto } from '../support.ts'

/** A completed photo with a nickname; its file has its uuid as bytes. */
async function named(app: App, nickname: string, project: number | null = null): Promise<string> {
  const uuid = await insertPhoto(app, { status: 'completed', door: 'page', project_id: project })
  await setNickname(app.db, [uuid], nickname)
  const path = `${uuid.slice(-2)}/${uuid}.jpg`
  await app.storage.put(renditionKey(path), Buffer.from(uuid))
  await app.db
    .insertInto('photo_thumbnails')
    .values({
      uuid: uuidv7(),
      photo_uuid: uuid,
      name: 'thumbnail',
      width: 1,
      height: 1,
      url: path,
      format: 'jpeg',
      bytes: uuid.length,
    })
    .execute()
  return uuid
}

/** The bytes that a caller gets by a nickname, or the code of the error. */
const shown = (app: App, nickname: string, projects: Caller['projects'] = '*') =>
  call(showByNickname, app, { params: { nickname }, caller: { scopes: ['read'], projects } }).then(
    ({ body }) => String(body),
    (error: { code: string }) => error.code,
  )

describe.for(SETUPS)('GET /images/:nickname on $name', (setup) => {
  test.skipIf(!isAvailable(setup))('shows the one photo of the caller that has the nickname', () =>
    withApp(setup, async (app) => {
      const ann = await named(app, ' Ann \n Lee ', 1)
      expect(await shown(app, 'Ann Lee')).toBe(ann)
      expect(await shown(app, 'ann lee')).toBe('not-found')
      expect(await shown(app, 'a\0b')).toBe('not-found')
      const other = await named(app, 'Ann Lee', 2)
      expect(await shown(app, 'Ann Lee')).toBe('not-found')
      expect(await shown(app, 'Ann Lee', [1])).toBe(ann)
      expect(await shown(app, 'Ann Lee', [2])).toBe(other)
      expect(await shown(app, 'Ann Lee', [1, 2])).toBe('not-found')
      expect(await shown(app, 'Ann Lee', [3])).toBe('not-found')
    }),
  )

  test.skipIf(!isAvailable(setup))('a nickname that is a uuid stands for no other photo', () =>
    withApp(setup, async (app) => {
      const victim = await named(app, 'Ann', 1)
      const own = await named(app, victim, 2)
      const absent = uuidv7()
      await named(app, absent)
      expect(await shown(app, victim)).toBe(victim)
      expect(await shown(app, victim.toUpperCase())).toBe(victim)
      expect(await shown(app, victim, [2])).toBe('not-found')
      expect(await shown(app, own, [2])).toBe(own)
      expect(await shown(app, absent)).toBe('not-found')
    }),
  )
})

test('answers JSON to who accepts it, and 304 to who has the image', () =>
  withApp(SETUPS[0], async (app) => {
    const uuid = await named(app, 'Ann')
    const params = { nickname: 'Ann' }
    const image = await call(showByNickname, app, { params, headers: { accept: 'image/*,*/*;q=0.8' } })
    expect(image.headers).toMatchObject({ 'content-type': 'image/jpeg', vary: 'Accept' })
    const { etag } = image.headers
    const again = await call(showByNickname, app, { params, headers: { 'if-none-match': String(etag) } })
    expect(again.status).toBe(304)
    const list = await call(showByNickname, app, { params, headers: { accept: 'application/json' } })
    expect(await json(list.body as Readable)).toEqual([
      { image_data: Buffer.from(uuid).toString('base64'), mime_type: 'image/jpeg' },
    ])
    expect(list.headers).toMatchObject({ vary: 'Accept' })
  }))

test('JSON with an image that is too large to be kept is sent as it is read', () =>
  withApp(SETUPS[0], async (app) => {
    const uuid = await named(app, 'Ann')
    const large = randomBytes(2 * MAX_VALUE_BYTES + 1)
    const { url } = await app.db.selectFrom('photo_thumbnails').select('url').executeTakeFirstOrThrow()
    await app.storage.put(renditionKey(url), large)
    await app.db.updateTable('photo_thumbnails').set({ bytes: large.length }).execute()
    const get = (method: string) =>
      call(showByNickname, app, {
        params: { nickname: uuid },
        headers: { accept: 'application/json' },
        method,
      })
    const { body } = await get('GET')
    expect(body).toBeInstanceOf(Readable)
    const chunks = (await (body as Readable).toArray()) as string[]
    expect(Math.max(...chunks.map(({ length }) => length))).toBeLessThan(MAX_VALUE_BYTES)
    expect(JSON.parse(chunks.join(''))).toEqual([
      { image_data: large.toString('base64'), mime_type: 'image/jpeg' },
    ])
    expect((await ((await get('HEAD')).body as Readable).toArray()).join('').length).toBeLessThan(100)
  }))

test('a photo without an image as yet is 404', () =>
  withApp(SETUPS[0], async (app) => {
    await setNickname(app.db, [await insertPhoto(app)], 'Ann')
    expect(await shown(app, 'Ann')).toBe('not-found')
  }))
