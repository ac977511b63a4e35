import { sql } from 'kysely'
import { uuidv7 } from 'uuidv7'
import { describe, expect, test, vi } from 'vitest'
import type { App } from '../../../lib/app.ts'
import { isPostgres, nowPlus } from '../../../lib/db/port.ts'
import type { CloudEvent } from '../../../lib/outbox/event.ts'
import { missedEvents, type Since } from '../../../lib/outbox/replay.ts'
import { addPhotos } from '../../../lib/photos/add.ts'
import { findTimeline } from '../../../lib/photos/show.ts'
import { happen } from '../../functions/projects/clients.ts'
import { insertPhoto } from '../../functions/support.ts'
import { isAvailable, SETUPS, withApp } from '../../support/app.ts'
import { watch } from '../../support/statements.ts'

async function replay(app: App, since: Since): Promise<CloudEvent[]> {
  const all: CloudEvent[] = []
  for await (const events of missedEvents(app, { kind: 'all' }, since)) all.push(...events)
  return all
}

/** Lets something happen to a new photo, written by a process whose clock is that far off; returns the photo. */
async function happenAt(app: App, offsetMs: number): Promise<string> {
  const uuid = await insertPhoto(app)
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + offsetMs })
  try {
    await happen(app, uuid)
  } finally {
    vi.useRealTimers()
  }
  return uuid
}

/** An event that was recorded and published so many seconds ago; undefined: not published yet. */
async function insertEvent({ db }: App, recorded: number, published?: number): Promise<string> {
  const id = uuidv7()
  await db
    .insertInto('events')
    .values({
      id,
      type: 'image.uploaded',
      at: nowPlus(-recorded * 1000),
      publish_after: nowPlus(-recorded * 1000),
      published_at: published === undefined ? null : nowPlus(-published * 1000),
      data: '{}',
    })
    .execute()
  return id
}

describe.for(SETUPS)('replay on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on(
    'gives what happened after an event, in the order of the database, whatever the clocks of writers say',
    () =>
      withApp(setup, async (app) => {
        await happenAt(app, 60_000)
        const [cursor] = await replay(app, { ageMs: 0 })
        const behind = [await happenAt(app, -60_000), await happenAt(app, 0), await happenAt(app, -30_000)]
        const missed = await replay(app, cursor?.id ?? '')
        expect(missed.map(({ subject }) => subject)).toEqual([cursor?.subject, ...behind])
        for (const { time } of missed) expect(Math.abs(Date.parse(time) - Date.now())).toBeLessThan(30_000)
      }),
  )

  on('gives what was recorded before an event and published after it, or not yet; and nothing older', () =>
    withApp(setup, async (app) => {
      const recorded = [
        await insertEvent(app, 3_600, 5),
        await insertEvent(app, 3_000, 2_999),
        await insertEvent(app, 900),
        await insertEvent(app, 60, 59),
        await insertEvent(app, 20, 19),
      ]
      const cursor = await insertEvent(app, 18, 18)
      const [late, , unpublished, , near] = recorded
      expect((await replay(app, cursor)).map(({ id }) => id)).toEqual([late, unpublished, near, cursor])
      expect((await replay(app, { ageMs: 0 })).map(({ id }) => id)).toEqual([late, unpublished])
    }),
  )

  on('goes on from the time of an event that is gone, as far as clocks may differ', () =>
    withApp(setup, async (app) => {
      const [old, near] = [await insertEvent(app, 300, 300), await insertEvent(app, 50, 50)]
      const missed = (await replay(app, uuidv7())).map(({ id }) => id)
      expect([missed.includes(old), missed.includes(near)]).toEqual([false, true])
    }),
  )

  on('gives each event once, though they are more than one batch', () =>
    withApp(setup, async (app) => {
      const urls = Array.from({ length: 1_100 }, () => ({
        url: 'https://example.com/a.jpg',
        door: 'v1' as const,
      }))
      await addPhotos(app, urls)
      await sql`insert into events (id, photo_uuid, type, data, publish_after)
        select ${isPostgres(app.db) ? sql`gen_random_uuid()` : sql`uuid`}, uuid, 'image.uploaded', '{}', now_plus(0)
        from photos`.execute(app.db)
      const missed = await replay(app, { ageMs: 0 })
      expect(new Set(missed.map(({ subject }) => subject)).size).toBe(1_100)
      expect(missed).toHaveLength(1_100)
    }),
  )

  on('of a photo is its timeline, in the order in which it happened', () =>
    withApp(setup, async (app) => {
      const uuid = await insertPhoto(app)
      for (const offset of [60_000, 0, -60_000]) {
        vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + offset })
        await happen(app, uuid).finally(() => vi.useRealTimers())
      }
      const timeline = (await findTimeline(app.db, uuid)).filter(({ type }) => type === 'image.uploaded')
      expect(timeline.map(({ id }) => id)).toEqual(
        timeline
          .map(({ id }) => id)
          .sort()
          .reverse(),
      )
      const photo = missedEvents(app, { kind: 'photo', uuid }, timeline[0]?.id ?? '')
      expect((await photo.next()).value?.map(({ id }: CloudEvent) => id)).toEqual(
        timeline.map(({ id }) => id),
      )
    }),
  )
})

type Plan = { 'Rows Removed by Filter'?: number; 'Actual Loops': number; Plans?: Plan[] }

/** Rows that a statement read in vain. */
const removedBy = ({ Plans = [], ...plan }: Plan): number =>
  (plan['Rows Removed by Filter'] ?? 0) * plan['Actual Loops'] +
  Plans.reduce((sum, part) => sum + removedBy(part), 0)

test.skipIf(!isAvailable(SETUPS[1]))(
  'a replay reads little more than what it gives, however many events there are',
  () =>
    withApp(SETUPS[1], async (app) => {
      const { db } = app
      await sql`insert into events (id, photo_uuid, project_id, type, at, published_at, publish_after, data)
      select gen_random_uuid(), gen_random_uuid(), i % 50, case when i % 2 = 0 then 'image.queued' else 'image.uploaded' end,
        now() - (60000 - i) * interval '1 s', now() - (60000 - i) * interval '1 s', now(), '{}'
      from generate_series(1, 60000) as i`.execute(db)
      await sql`analyze events`.execute(db)
      const { watched, statements } = watch(app)
      const old = db
        .selectFrom('events')
        .select('id')
        .where('type', '=', 'image.uploaded')
        .orderBy('seq', 'desc')
      const { id } = await old.offset(2_000).limit(1).executeTakeFirstOrThrow()
      for (const subscription of [{ kind: 'all' }, { kind: 'project', id: 7 }] as const)
        for (const since of [id, { ageMs: 1_000 }] as const)
          for await (const _ of missedEvents(watched, subscription, since));
      expect(statements.length).toBeGreaterThan(10)
      for (const statement of statements) {
        const explain = `explain (analyze, format json) ${statement.sql}`
        const { rows } = await db.executeQuery<{ 'QUERY PLAN': [{ Plan: Plan }] }>({
          ...statement,
          sql: explain,
        })
        const [plan] = rows[0]?.['QUERY PLAN'] ?? []
        expect(plan && removedBy(plan.Plan), statement.sql).toBeLessThan(100)
      }
    }),
)
