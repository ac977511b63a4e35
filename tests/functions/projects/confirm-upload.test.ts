import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { receiveUpload } from '../../../functions/consumers/receive-upload.ts'
import { nowPlus } from '../../../lib/db/port.ts'
import { checkUploads } from '../../../lib/photos/uploads.ts'
import { originalKey } from '../../../lib/storage/port.ts'
import { isAvailable, SETUPS } from '../../support/app.ts'
import { eventsOf, insertPhoto } from '../support.ts'
import { FILE, statusOf, upload, withUploads } from './support.ts'

describe.for(SETUPS)('uploads on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('an upload is stored byte for byte and queued once, whoever confirms it and how often', () =>
    withUploads(setup, async (app, url, link) => {
      const made = await link('C:\\photos/../holiday.jpg')
      const early = await fetch(`${url}/images/${made.image_id}/uploaded`, { method: 'POST' })
      expect([early.status, ((await early.json()) as { code: string }).code]).toEqual([409, 'not-uploaded'])
      expect(await upload(made, FILE)).toEqual({ status: 204, code: undefined })
      const s3 = {
        Records: [{ eventName: 'ObjectCreated:Post', s3: { object: { key: originalKey(made.image_id) } } }],
      }
      const confirmations = await Promise.all([
        ...[1, 2, 3].map(() => fetch(`${url}/images/${made.image_id}/uploaded`, { method: 'POST' })),
        receiveUpload.handle({ body: Buffer.from(JSON.stringify(s3)), headers: {}, redelivered: false }, app),
        checkUploads(app),
      ])
      expect(confirmations.slice(0, 3).map((answer) => (answer as Response).status)).toEqual([202, 202, 202])
      expect(await eventsOf(app, 'image.queued')).toHaveLength(1)
      expect(await readFile(`${app.config.storageDir}/${originalKey(made.image_id)}`, 'utf8')).toBe(FILE)
      expect(await upload(made, 'another')).toEqual({ status: 409, code: 'already-uploaded' })
      expect(await readFile(`${app.config.storageDir}/${originalKey(made.image_id)}`, 'utf8')).toBe(FILE)
    }),
  )

  on('the sweep finds uploads that nobody confirmed, and fails what was never uploaded', () =>
    withUploads(setup, async (app, _url, link) => {
      const [found, expired, waiting] = [await link(), await link(), await link()]
      await app.storage.put(originalKey(found.image_id), Buffer.from(FILE))
      await app.db
        .updateTable('photos')
        .set({ check_after: nowPlus(-1) })
        .execute()
      await app.db
        .updateTable('photos')
        .set({ created_at: new Date(Date.now() - 17 * 60_000).toISOString() })
        .where('uuid', '=', expired.image_id)
        .execute()
      expect(await checkUploads(app)).toBe(2)
      const statuses = await Promise.all(
        [found, expired, waiting].map(({ image_id }) => statusOf(app, image_id)),
      )
      expect(statuses).toEqual(['pending', 'failed', 'init'])
      expect(await eventsOf(app, 'image.failed')).toMatchObject([{ photo_uuid: expired.image_id }])
      expect(await checkUploads(app)).toBe(0)
    }),
  )
})

test('only images of the projects door are confirmed', () =>
  withUploads(SETUPS[0], async (app, url) => {
    const foreign = await insertPhoto(app, { status: 'pending' })
    for (const id of [foreign, '01a2092c-6c7e-759c-a11e-9a319c2f4181', 'no-uuid'])
      expect((await fetch(`${url}/images/${id}/uploaded`, { method: 'POST' })).status).toBe(404)
  }))
