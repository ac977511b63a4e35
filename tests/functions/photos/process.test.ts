import { uuidv7 } from 'uuidv7'
import { describe, expect, test } from 'vitest'
import { process as processPhotos } from '../../../functions/photos/process.ts'
import type { App } from '../../../lib/app.ts'
import type { PhotoStatus } from '../../../lib/db/tables.ts'
import { type Answer, reply } from '../../../lib/function.ts'
import { isAvailable, SETUPS, withApp } from '../../support/app.ts'

const call = (app: App, body: string[] | { uuids: string[]; force?: boolean }) =>
  processPhotos.handle(
    { params: {}, query: {}, body, headers: {}, method: 'POST' },
    app,
    reply,
  ) as Promise<Answer>

const insert = async ({ db }: App, status: PhotoStatus, url = 'https://example.com/a.jpg') => {
  const uuid = uuidv7()
  await db.insertInto('photos').values({ uuid, url, status }).execute()
  return uuid
}

describe.for(SETUPS)('POST /photos/process on $name', (setup) => {
  test.skipIf(!isAvailable(setup))(
    'accepts pending and failed photos, and says why it rejects the others',
    () =>
      withApp(setup, async (app) => {
        const pending = await insert(app, 'pending')
        const failed = await insert(app, 'failed')
        const init = await insert(app, 'init')
        const processing = await insert(app, 'processing')
        const completed = await insert(app, 'completed')
        const unknown = uuidv7()
        const answer = await call(app, [
          pending,
          failed,
          init,
          processing,
          completed,
          unknown,
          pending.toUpperCase(),
        ])
        expect(answer.status).toBe(202)
        expect(answer.body).toMatchObject({
          accepted: [pending, failed],
          rejected: [
            { uuid: init, code: 'not-uploaded' },
            { uuid: processing, code: 'already-processing' },
            { uuid: completed, code: 'already-completed' },
            { uuid: unknown, code: 'not-found' },
          ],
        })
        const forced = await call(app, { uuids: [completed], force: true })
        expect(forced.body).toEqual({ accepted: [completed], rejected: [] })
      }),
  )

  test.skipIf(!isAvailable(setup))('queues a photo once, however often it is asked for', () =>
    withApp(setup, async (app) => {
      const uuid = await insert(app, 'pending')
      await Promise.all(Array.from({ length: 8 }, () => call(app, [uuid])))
      const queued = await app.db
        .selectFrom('events')
        .selectAll()
        .where('type', '=', 'image.queued')
        .execute()
      expect(queued).toHaveLength(1)
      expect(queued[0]).toMatchObject({ photo_uuid: uuid, published_at: expect.any(String) })
    }),
  )
})
