import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { renditionKey } from '../../../lib/storage/port.ts'
import { SETUPS, withApp } from '../../support/app.ts'
import { insertPhoto, problemOf, withServer } from '../support.ts'

test('shows the thumbnail of a completed job, whole, in part, and not again', () =>
  withApp(SETUPS[0], (app) =>
    withServer(app, async (url) => {
      const id = await insertPhoto(app, { door: 'v1', status: 'completed' })
      const file = { name: 'thumbnail', format: 'jpeg', width: 2, height: 1, url: `${id}.jpg`, bytes: 10 }
      await app.db
        .insertInto('photo_thumbnails')
        .values({ ...file, uuid: randomUUID(), photo_uuid: id })
        .execute()
      await app.storage.put(renditionKey(file.url), Buffer.from('0123456789'))
      const get = (headers: Record<string, string> = {}) =>
        fetch(`${url}/v1/images/${id}/thumbnail`, { headers })
      const whole = await get()
      expect([whole.status, whole.headers.get('content-type')]).toEqual([200, 'image/jpeg'])
      expect(await whole.text()).toBe('0123456789')
      const part = await get({ range: 'bytes=2-4' })
      expect([part.status, await part.text()]).toEqual([206, '234'])
      expect((await get({ 'if-none-match': whole.headers.get('etag') ?? '' })).status).toBe(304)
    }),
  ))

test.each(['nonsense', '01a208fa-d379-72a3-9e61-aaf487ae54bf'])('has none of %s', (id) =>
  withApp(SETUPS[0], (app) =>
    withServer(app, async (url) => {
      const thumbnail = await problemOf(await fetch(`${url}/v1/images/${id}/thumbnail`), 404)
      expect(thumbnail.detail).toBe('Thumbnail unavailable')
    }),
  ),
)
