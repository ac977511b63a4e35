import { uuidv7 } from 'uuidv7'
import { describe, expect, test } from 'vitest'
import { requestProcessing } from '../../../functions/photos/request-processing.ts'
import type { App } from '../../../lib/app.ts'
import { isAvailable, SETUPS, withApp } from '../../support/app.ts'
import { until } from '../../support/service.ts'
import { at, call, eventsOf, insertPhoto, post, problemOf, withServer } from '../support.ts'

const request = (app: App, body: string[] | { uuids: string[]; force?: boolean }) =>
  call(requestProcessing, app, { body })

const findRow = ({ db }: App, uuid: string) =>
  db.selectFrom('photos').selectAll().where('uuid', '=', uuid).executeTakeFirstOrThrow()

describe.for(SETUPS)('POST /photos/process on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('accepts pending and failed photos, and says why it rejects the others', () =>
    withApp(setup, async (app) => {
      const pending = await insertPhoto(app)
      const failed = await insertPhoto(app, { status: 'failed' })
      const init = await insertPhoto(app, { status: 'init' })
      const processing = await insertPhoto(app, { status: 'processing' })
      const completed = await insertPhoto(app, { status: 'completed' })
      const unknown = uuidv7()
      const uuids = [pending, failed, init, processing, completed, unknown, pending.toUpperCase()]
      const answer = await request(app, uuids)
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
      const queued = (await eventsOf(app, 'image.queued')).map(({ photo_uuid }) => photo_uuid)
      expect(queued).toEqual([pending, failed])
    }),
  )

  on('accepts completed photos with force, and no others that it would reject', () =>
    withApp(setup, async (app) => {
      const completed = await insertPhoto(app, { status: 'completed' })
      const init = await insertPhoto(app, { status: 'init' })
      const processing = await insertPhoto(app, { status: 'processing' })
      const uuids = [completed, init, processing]
      expect((await request(app, { uuids, force: false })).body).toMatchObject({ accepted: [] })
      expect((await request(app, { uuids, force: true })).body).toMatchObject({
        accepted: [completed],
        rejected: [{ code: 'not-uploaded' }, { code: 'already-processing' }],
      })
      expect(await findRow(app, completed)).toMatchObject({ status: 'pending' })
      expect(await findRow(app, init)).toMatchObject({ status: 'init', queued_at: null })
      expect(await findRow(app, processing)).toMatchObject({ status: 'processing', queued_at: null })
    }),
  )

  on('answers 202 also when it rejects all', () =>
    withApp(setup, async (app) => {
      const uuid = uuidv7()
      const answer = await request(app, [uuid])
      expect(answer.status).toBe(202)
      expect(answer.body).toEqual({
        accepted: [],
        rejected: [{ uuid, code: 'not-found', detail: 'There is no such photo' }],
      })
    }),
  )

  on('gives a failed photo all its attempts again, and takes its error away', () =>
    withApp(setup, async (app) => {
      const uuid = await insertPhoto(app, {
        status: 'failed',
        attempts: 5,
        error_code: 'corrupt-image',
        error: 'The image is corrupt',
        updated_at: at(0),
      })
      await request(app, [uuid])
      const row = await findRow(app, uuid)
      expect(row).toMatchObject({ status: 'pending', attempts: 0, error_code: null, error: null })
      expect(row.queued_at).toEqual(expect.any(String))
      expect(row.updated_at > at(0)).toBe(true)
    }),
  )

  on('queues a photo once, however often it is asked for', () =>
    withApp(setup, async (app) => {
      const uuid = await insertPhoto(app)
      const answers = await Promise.all(Array.from({ length: 8 }, () => request(app, [uuid, uuid])))
      for (const { body } of answers) expect(body).toEqual({ accepted: [uuid], rejected: [] })
      const queued = await eventsOf(app, 'image.queued')
      expect(queued).toHaveLength(1)
      expect(queued[0]).toMatchObject({ photo_uuid: uuid, published_at: expect.any(String) })
    }),
  )

  on('puts one message for each photo on the queue, which names it', () =>
    withApp(setup, async (app) => {
      const uuids = [await insertPhoto(app), await insertPhoto(app), await insertPhoto(app)]
      const bodies: string[] = []
      const consumer = await app.queue.consume('work', 1, async ({ body }) => {
        bodies.push(Buffer.from(body).toString('utf8'))
      })
      await request(app, [...uuids, ...uuids])
      await until(() => bodies.length >= 3)
      await consumer.stop()
      expect(bodies).toEqual(uuids.map((uuid) => `{"photo_uuid":"${uuid}"}`))
    }),
  )

  on('takes 10,000 photos at once, and publishes them all', () =>
    withApp(setup, async (app) => {
      const uuids = Array.from({ length: 10_000 }, () => uuidv7())
      for (let start = 0; start < uuids.length; start += 1000) {
        const part = uuids.slice(start, start + 1000)
        const rows = part.map((uuid) => ({ uuid, url: 'https://example.com/photo.jpg' }))
        await app.db.insertInto('photos').values(rows).execute()
      }
      await withServer(app, async (url) => {
        const answer = await post(`${url}/photos/process`, uuids)
        expect(answer.status).toBe(202)
        expect(await answer.json()).toEqual({ accepted: uuids, rejected: [] })
        await problemOf(await post(`${url}/photos/process`, [...uuids, uuidv7()]), 422)
        await problemOf(await post(`${url}/photos/process`, { uuids: [...uuids, uuidv7()] }), 422)
      })
      const queued = await eventsOf(app, 'image.queued')
      expect(queued.map(({ photo_uuid }) => photo_uuid)).toEqual(uuids)
    }),
  )

  on('refuses what is no list of 1 to 10,000 uuids, and queues nothing', () =>
    withApp(setup, async (app) => {
      const uuid = await insertPhoto(app)
      await withServer(app, async (url) => {
        for (const body of malformed(uuid)) {
          const problem = await problemOf(await post(`${url}/photos/process`, body), 422)
          expect.soft(problem, JSON.stringify(body)).toMatchObject({
            code: 'invalid',
            errors: expect.arrayContaining([{ pointer: expect.any(String), detail: expect.any(String) }]),
          })
        }
      })
      expect(await eventsOf(app, 'image.queued')).toEqual([])
    }),
  )

  on('refuses a uuid written as a URN', () =>
    withApp(setup, async (app) => {
      const uuid = await insertPhoto(app)
      await withServer(app, async (url) => {
        const problem = await problemOf(await post(`${url}/photos/process`, [`urn:uuid:${uuid}`]), 422)
        expect(problem.errors?.map(({ pointer }) => pointer)).toContain('/0')
      })
    }),
  )

  on('names the entry that is no uuid', () =>
    withApp(setup, async (app) => {
      const uuid = await insertPhoto(app)
      await withServer(app, async (url) => {
        const bare = await problemOf(await post(`${url}/photos/process`, [uuid, 'nonsense']), 422)
        expect(bare.errors?.map(({ pointer }) => pointer)).toContain('/1')
        const named = await problemOf(await post(`${url}/photos/process`, { uuids: [uuid, 'nonsense'] }), 422)
        expect(named.errors?.map(({ pointer }) => pointer)).toContain('/uuids/1')
      })
    }),
  )
})

const malformed = (uuid: string): unknown[] => [
  [],
  { uuids: [] },
  {},
  'null',
  '5',
  '"nonsense"',
  { uuids: uuid },
  { payload: uuid },
  { uuid: [uuid] },
  { uuid, uuids: [uuid] },
  { uuids: null },
  { 0: uuid },
  [uuid, 'nonsense'],
  [uuid, ''],
  [uuid, null],
  [uuid, 7],
  [uuid, [uuid]],
  [`{${uuid}}`],
  [uuid.replaceAll('-', '')],
  [`${uuid} `],
  { uuids: [uuid], force: 'true' },
  { uuids: [uuid], force: null },
  { uuids: [uuid], more: 1 },
]
