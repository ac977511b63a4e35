import { describe, expect, test } from 'vitest'
import type { App } from '../../../lib/app.ts'
import type { PhotoStatus } from '../../../lib/photo-status.ts'
import { claim } from '../../../lib/photos/attempt.ts'
import { freeExpired } from '../../../lib/photos/expired.ts'
import { removeLeft } from '../../../lib/photos/removals.ts'
import { requestProcessing } from '../../../lib/photos/request.ts'
import { findPhoto } from '../../../lib/photos/row.ts'
import { confirmUpload } from '../../../lib/photos/uploads.ts'
import { originalKey, renditionKey } from '../../../lib/storage/port.ts'
import { insertPhoto } from '../../functions/support.ts'
import { isAvailable, SETUPS, withApp } from '../../support/app.ts'

const setStatus = ({ db }: App, uuid: string, status: PhotoStatus) =>
  db.updateTable('photos').set({ status }).where('uuid', '=', uuid).execute()

/** What requests a photo, which has the status named before. */
const WAYS: Record<string, { status: PhotoStatus; request(app: App, uuid: string): Promise<unknown> }> = {
  'a request': {
    status: 'failed',
    request: (app, uuid) => requestProcessing(app, [uuid], false),
  },
  'a removal that met a new attempt': {
    status: 'failed',
    request(app, uuid) {
      const remove = async () => void (await setStatus(app, uuid, 'processing'))
      return removeLeft({ ...app, storage: { ...app.storage, remove } }, uuid, [renditionKey('a/b.jpg')])
    },
  },
  'the end of an upload': {
    status: 'init',
    async request(app, uuid) {
      await app.db
        .updateTable('photos')
        .set({ url: originalKey(uuid) })
        .where('uuid', '=', uuid)
        .execute()
      await app.storage.put(originalKey(uuid), Buffer.from('image'))
      await confirmUpload(app, uuid)
    },
  },
  'the sweep, where no worker held it': {
    status: 'processing',
    request: (app) => freeExpired(app),
  },
}

/** What is left of an earlier run. */
const LEFT = { attempts: 4, given_back: 3, error_code: 'worker-lost', error: 'The worker died 5 times' }

describe.for(SETUPS)('a photo on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on.for(Object.entries(WAYS))('that is requested by %s begins anew', ([, { status, request }]) =>
    withApp(setup, async (app) => {
      const uuid = await insertPhoto(app, { ...LEFT, status })
      await request(app, uuid)
      expect(await findPhoto(app.db, uuid)).toMatchObject({
        status: 'pending',
        queued_at: expect.any(String),
        attempts: 0,
        given_back: 0,
        error_code: null,
        error: null,
      })
      expect((await claim(app, uuid))?.photo).toMatchObject({ attempts: 1, given_back: 0 })
    }),
  )

  on('that is claimed though nobody requested it begins anew', () =>
    withApp(setup, async (app) => {
      const uuid = await insertPhoto(app, LEFT)
      expect((await claim(app, uuid))?.photo).toMatchObject({ attempts: 1, given_back: 0, error: null })
    }),
  )
})
