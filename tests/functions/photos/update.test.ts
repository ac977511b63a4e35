import { uuidv7 } from 'uuidv7'
import { describe, expect, test } from 'vitest'
import { update } from '../../../functions/photos/update.ts'
import type { App } from '../../../lib/app.ts'
import { claim, complete } from '../../../lib/photos/attempt.ts'
import { findPhotos } from '../../../lib/photos/list.ts'
import { removePhoto } from '../../../lib/photos/remove.ts'
import { findPhoto, labelsOf } from '../../../lib/photos/row.ts'
import { isAvailable, SETUPS, withApp } from '../../support/app.ts'
import { call, eventsOf, insertPhoto, problemOf, send, withServer } from '../support.ts'

const NAMED = {
  name: 'old',
  reference: 'order 1',
  labels: JSON.stringify({ album: 'holiday', year: '2026' }),
}

const change = async (app: App, uuid: string, body: object) =>
  (await call(update, app, { params: { uuid }, body })).body

const uuidsWith = async (app: App, label: string) =>
  (await findPhotos(app.db, { label, limit: 10 })).items.map(({ uuid }) => uuid)

const sixteen = (prefix: string) =>
  Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`${prefix}${i}`, 'a']))

describe.for(SETUPS)('PATCH /photos/{uuid} on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('changes what is given, leaves the rest, and clears with null; labels one by one', () =>
    withApp(setup, async (app) => {
      const uuid = await insertPhoto(app, NAMED)
      const other = await insertPhoto(app, NAMED)
      expect(await change(app, uuid.toUpperCase(), { name: 'new' })).toMatchObject({
        ...NAMED,
        name: 'new',
        labels: { album: 'holiday', year: '2026' },
      })
      const labels = { year: null, album: 'work', unknown: null, 'shop.id': '' }
      for (let twice = 0; twice < 2; twice++)
        expect(await change(app, uuid, { labels, reference: null })).toMatchObject({
          name: 'new',
          reference: null,
          labels: { album: 'work', 'shop.id': '' },
        })
      expect(await uuidsWith(app, 'album:work')).toEqual([uuid])
      expect(await uuidsWith(app, 'album:holiday')).toEqual([other])
      expect(await change(app, uuid, { labels: null, name: null })).toMatchObject({ name: null, labels: {} })
      expect(await change(app, uuid, {})).toMatchObject({ name: null, labels: {} })
      expect(await uuidsWith(app, 'shop.id:')).toEqual([])
      expect(await findPhoto(app.db, other)).toMatchObject({ name: 'old', reference: 'order 1' })
      await removePhoto(app, other)
      expect(await app.db.selectFrom('photo_labels').selectAll().execute()).toEqual([])
    }),
  )

  on('keeps what each of many requests at once sets, up to 16 labels', () =>
    withApp(setup, async (app) => {
      const uuid = await insertPhoto(app)
      await Promise.all(
        Object.entries(sixteen('k')).map(([key, value]) => change(app, uuid, { labels: { [key]: value } })),
      )
      expect(labelsOf(await findPhoto(app.db, uuid))).toEqual(sixteen('k'))
      await expect(change(app, uuid, { labels: { more: 'a' } })).rejects.toMatchObject({
        code: 'invalid',
        errors: [{ pointer: '/labels', detail: 'must leave at most 16 labels; there would be 17' }],
      })
      const gone = Object.fromEntries(Object.keys(sixteen('k')).map((key) => [key, null]))
      expect(await change(app, uuid, { labels: { ...gone, ...sixteen('n') } })).toMatchObject({
        labels: sixteen('n'),
      })
    }),
  )

  on('a photo that is being processed is changed too, and its next event says so', () =>
    withApp(setup, async (app) => {
      const uuid = await insertPhoto(app, NAMED)
      const attempt = await claim(app, uuid)
      if (!attempt) throw new Error('not claimed')
      await change(app, uuid, { reference: 'order 2', labels: { album: 'work' } })
      const made = { name: 'thumbnail', format: 'jpeg', width: 1, height: 1, url: 'a.jpg', bytes: 1 }
      expect(await complete(app, attempt, [made], {})).toBe(true)
      const said = async (type: 'image.processing' | 'image.uploaded' | 'image.deleted') =>
        JSON.parse((await eventsOf(app, type))[0]?.data ?? '{}')
      const now = { reference: 'order 2', labels: { album: 'work', year: '2026' } }
      expect(await said('image.processing')).toMatchObject({ reference: 'order 1' })
      expect(await said('image.uploaded')).toMatchObject(now)
      await removePhoto(app, uuid)
      expect(await said('image.deleted')).toMatchObject(now)
    }),
  )

  on('is 404 for what the caller may not see, and for what is not there', () =>
    withApp(setup, async (app) => {
      const uuid = await insertPhoto(app, { ...NAMED, project_id: 1 })
      const caller = { scopes: ['write'], projects: [2] } as const
      for (const id of [uuid, uuidv7(), 'nonsense'])
        await expect(
          call(update, app, { params: { uuid: id }, body: { name: 'theirs' }, caller }),
        ).rejects.toMatchObject({ code: 'not-found' })
      expect(await findPhoto(app.db, uuid)).toMatchObject({ name: 'old' })
    }),
  )

  on('an Idempotency-Key that changed one photo does not keep the same change from another', () =>
    withApp(setup, async (app) => {
      const uuids = [await insertPhoto(app, NAMED), await insertPhoto(app, NAMED)]
      await withServer(app, async (url) => {
        const patch = async (uuid: string) => {
          const answer = await fetch(`${url}/photos/${uuid}`, {
            method: 'PATCH',
            headers: { 'content-type': 'application/json', 'idempotency-key': 'key' },
            body: JSON.stringify({ name: 'new' }),
          })
          const { uuid: changed } = (await answer.json()) as { uuid: string }
          return { changed, replayed: answer.headers.get('idempotency-replayed') }
        }
        for (const replayed of [null, 'true'])
          for (const uuid of uuids) expect(await patch(uuid)).toEqual({ changed: uuid, replayed })
      })
      for (const uuid of uuids) expect(await findPhoto(app.db, uuid)).toMatchObject({ name: 'new' })
    }),
  )

  on('refuses what does not fit over HTTP, naming it, and changes nothing', () =>
    withApp(setup, async (app) => {
      const uuid = await insertPhoto(app, NAMED)
      await withServer(app, async (url) => {
        for (const [body, pointer] of WRONG) {
          const { errors = [] } = await problemOf(await send(`${url}/photos/${uuid}`, 'PATCH', body), 422)
          expect.soft(errors[0]?.pointer, JSON.stringify(body)).toBe(pointer)
        }
        const answer = await send(`${url}/photos/${uuid}`, 'PATCH', { labels: { year: null } })
        expect([answer.status, await answer.json()]).toMatchObject([200, { labels: { album: 'holiday' } }])
      })
      expect(await findPhoto(app.db, uuid)).toMatchObject({ name: 'old', reference: 'order 1' })
    }),
  )
})

const WRONG: [body: unknown, pointer: string][] = [
  [[], ''],
  [{ status: 'completed' }, '/status'],
  [{ name: '' }, '/name'],
  [{ name: 7 }, '/name'],
  [{ reference: 'a\nb' }, '/reference'],
  [{ labels: [] }, '/labels'],
  [{ labels: { album: 7 } }, '/labels/album'],
  [{ labels: { 'the album': null } }, '/labels'],
  [{ labels: { ...sixteen('a'), ...sixteen('b'), more: 'a' } }, '/labels'],
]
