import { sql } from 'kysely'
import pg from 'pg'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { App } from '../../../lib/app.ts'
import type { CloudEvent } from '../../../lib/outbox/event.ts'
import { markSoon, settleMarks } from '../../../lib/outbox/mark-soon.ts'
import { claim, complete } from '../../../lib/photos/attempt.ts'
import { eventData } from '../../../lib/photos/event-data.ts'
import { requestProcessing } from '../../../lib/photos/request.ts'
import { findPhoto } from '../../../lib/photos/row.ts'
import type { Message } from '../../../lib/queue/port.ts'
import { findRenditions } from '../../../lib/renditions/row.ts'
import { runWorker } from '../../../scripts/serve/roles.ts'
import { eventsOf, insertPhoto } from '../../functions/support.ts'
import { isAvailable, SETUPS, withApp } from '../../support/app.ts'
import { until } from '../../support/service.ts'

const made = (name: string, bytes = 1) => ({
  name,
  format: 'jpeg',
  width: 320,
  height: 240,
  url: `00/${name}.jpg`,
  bytes,
})

/** Claims a photo and completes it with renditions of these names. */
async function attempt(app: App, uuid: string, names: readonly string[]): Promise<void> {
  const claimed = await claim(app, uuid)
  if (!claimed) throw new Error('not claimed')
  expect(
    await complete(
      app,
      claimed,
      names.map((name) => made(name)),
      {},
    ),
  ).toBe(true)
}

/** Waits until so many events are marked as published, and no other is left. */
const untilPublished = ({ db }: App, count: number) =>
  until(async () => {
    const events = await db.selectFrom('events').select('published_at').execute()
    return events.length === count && events.every(({ published_at }) => published_at !== null)
  })

/** Photos as they may stand before a claim: an event says something else of each. */
const PHOTOS = {
  'of a URL': {},
  'of a project': { project_id: 9_007_199_254_740_991 },
  'an original': { url: 'originals/0198c0de-0000-7000-8000-000000000000' },
  'a key that is no original': { url: 'originals/../thumbs/a' },
  'a key that is too long': { url: `originals/${'a'.repeat(503)}` },
  'a URL with quotes and letters': { url: `https://example.com/"é'\\n😀.jpg` },
  'with an error left by hand': { error_code: 'corrupt-image', error: `it's "broken"\n` },
  'with a code alone': { error_code: 'corrupt-image' },
  'with a reference and labels': { reference: `it's "7"`, labels: '{"album":"é😀:\\\\"}' },
  'in a trace': { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` },
} as const

/** The same app, and the messages that it publishes. */
function watched(app: App): { app: App; messages: Message[] } {
  const messages: Message[] = []
  const publish: App['queue']['publish'] = (list, ms) => {
    messages.push(...list)
    return app.queue.publish(list, ms)
  }
  return { app: { ...app, queue: { ...app.queue, publish } }, messages }
}

describe.for(SETUPS)('what an attempt records on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on.each(Object.entries(PHOTOS))('events of a photo %s say what eventData() says', (_kind, photo) =>
    withApp(setup, async (opened) => {
      const { publicUrl } = opened.config
      const { app, messages } = watched({ ...opened, trace: `00-${'c'.repeat(32)}-${'d'.repeat(16)}-01` })
      const uuid = await insertPhoto(app, photo)
      const claimed = await claim(app, uuid)
      if (!claimed) throw new Error('not claimed')
      expect(claimed.photo).toEqual(await findPhoto(app.db, uuid))
      const [processing] = await eventsOf(app, 'image.processing')
      expect(JSON.parse(processing?.data ?? '')).toEqual(eventData(claimed.photo, [], publicUrl))

      expect(await complete(app, claimed, [made('web'), made('thumb')], { width: 3 })).toBe(true)
      const [uploaded] = await eventsOf(app, 'image.uploaded')
      const renditions = await findRenditions(app.db, [uuid])
      expect(renditions.map(({ name }) => name)).toEqual(['thumb', 'web'])
      const completed = await findPhoto(app.db, uuid)
      expect(completed).toMatchObject({ status: 'completed', lease_until: null, lease_token: null })
      expect(JSON.parse(completed.metadata ?? '')).toEqual({ width: 3 })
      expect(JSON.parse(uploaded?.data ?? '')).toEqual(eventData(completed, renditions, publicUrl))

      for (const [event, traceparent] of [
        [processing, claimed.photo.traceparent],
        [uploaded, app.trace],
      ] as const) {
        expect(event).toMatchObject({
          photo_uuid: uuid,
          project_id: completed.project_id,
          attempt: 1,
          detail: null,
          traceparent,
        })
        const message = messages.find(({ id }) => id === event?.id)?.body as CloudEvent
        expect(message.data).toEqual(JSON.parse(event?.data ?? ''))
        expect(message).toMatchObject({ subject: uuid, time: event?.at, traceparent })
      }
      expect(messages.map(({ id }) => id)).toEqual([processing?.id, uploaded?.id])
      await untilPublished(app, 2)
    }),
  )

  on('a rendition that is made again keeps its uuid; one that is made no more goes', () =>
    withApp(setup, async (app) => {
      const uuid = await insertPhoto(app)
      await attempt(app, uuid, ['a', 'b'])
      const [a] = await findRenditions(app.db, [uuid])
      await app.db.updateTable('photos').set({ status: 'pending' }).execute()
      await attempt(app, uuid, ['a', 'c'])
      const renditions = await findRenditions(app.db, [uuid])
      expect(renditions.map(({ name }) => name)).toEqual(['a', 'c'])
      expect(renditions[0]?.uuid).toBe(a?.uuid)
      const data = JSON.parse((await eventsOf(app, 'image.uploaded'))[1]?.data ?? '')
      expect(data).toEqual(eventData(await findPhoto(app.db, uuid), renditions, app.config.publicUrl))
    }),
  )

  on('leaves events to the relay that the queue did not take', () =>
    withApp(setup, async (opened) => {
      const app = { ...opened, queue: { ...opened.queue, publish: async () => new Set<string>() } }
      await attempt(app, await insertPhoto(app), ['a'])
      for (const type of ['image.processing', 'image.uploaded'] as const)
        expect(await eventsOf(app, type)).toMatchObject([
          { published_at: null, publish_after: expect.any(String) },
        ])
    }),
  )
})

describe.skipIf(!isAvailable(SETUPS[1]))('statements of an attempt on PostgreSQL', () => {
  afterEach(() => void vi.restoreAllMocks())

  test('are two, and a mark that attempts which run together share', async () => {
    const query = vi.spyOn(pg.Client.prototype, 'query')
    await withApp(SETUPS[1], async (app) => {
      await attempt(app, await insertPhoto(app), ['a'])
      const alone = await insertPhoto(app)
      await untilPublished(app, 2)
      query.mockClear()
      await attempt(app, alone, ['a', 'b', 'c'])
      await settleMarks(app.db)
      expect(query.mock.calls.length).toBeLessThanOrEqual(2 + 2)

      const uuids = await Promise.all(Array.from({ length: 30 }, () => insertPhoto(app)))
      query.mockClear()
      await Promise.all(uuids.map((uuid) => attempt(app, uuid, ['a', 'b', 'c'])))
      await settleMarks(app.db)
      expect(query.mock.calls.length).toBeLessThan(30 * 2 + 30)
      await untilPublished(app, 64)
    })
  })

  test('leave nothing unmarked when a worker stops, also where the database was away before', () =>
    withApp(SETUPS[1], async (app) => {
      await sql`alter table events rename to away`.execute(app.db)
      markSoon(app.db, ['0198c0de-0000-7000-8000-000000000000'])
      await settleMarks(app.db)
      await sql`alter table away rename to events`.execute(app.db)
      const worker = await runWorker(app)
      await requestProcessing(app, [await insertPhoto(app, { url: 'originals/gone' })], false)
      await until(async () => (await eventsOf(app, 'image.processing')).length === 1)
      await worker.stop()
      expect(await eventsOf(app, 'image.processing')).toMatchObject([{ published_at: expect.any(String) }])
    }))

  test('are prepared, and go on working when another version adds a column', () =>
    withApp(SETUPS[1], async (app) => {
      await attempt(app, await insertPhoto(app), ['a'])
      await settleMarks(app.db)
      const { rows } = await sql<{ statement: string }>`select statement from pg_prepared_statements`.execute(
        app.db,
      )
      expect(rows.map(({ statement }) => /"(photos|events)" set/.exec(statement)?.[1]).sort()).toEqual([
        'events',
        'photos',
        'photos',
      ])
      await sql`alter table photos add column later text`.execute(app.db)
      const uuid = await insertPhoto(app)
      await attempt(app, uuid, ['a'])
      expect(await findPhoto(app.db, uuid)).toMatchObject({ status: 'completed' })
    }))
})
