import { type RawBuilder, sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import type { App } from '../../../lib/app.ts'
import { type Db, isPostgres, nowPlus, uuids } from '../../../lib/db/port.ts'
import { relayEvents } from '../../../lib/outbox/relay.ts'
import { requestProcessing } from '../../../lib/photos/request.ts'
import { insertPhoto } from '../../functions/support.ts'
import { isAvailable, SETUPS, withApp } from '../../support/app.ts'

const MANY = 100_000
const WINDOW = 100

/** Photos that the workers hold. */
const HELD = 8

/** The numbers from 1 to `most`, and what the database calls the photo of each. */
function numbers(db: Db, most: number): { rows: RawBuilder<unknown>; uuid: RawBuilder<string> } {
  const begin = '01900000-0000-7000-8000-'
  return isPostgres(db)
    ? {
        rows: sql`generate_series(1, ${sql.lit(most)}) as numbers (n)`,
        uuid: sql`(${sql.lit(begin)} || lpad(n::text, 12, '0'))::uuid`,
      }
    : {
        rows: sql`(with recursive numbers (n) as (
          select 1 union all select n + 1 from numbers where n < ${sql.lit(most)}) select n from numbers)`,
        uuid: sql`printf('%s%012d', ${sql.lit(begin)}, n)`,
      }
}

/** The rows of a project that has queued many photos at once: their messages wait for their turn. */
async function queueMany({ db }: App, project: number): Promise<void> {
  const { rows, uuid } = numbers(db, MANY)
  await sql`insert into photos (uuid, url, project_id, queued_at, held_at)
    select ${uuid}, 'https://example.com/a.jpg', ${sql.lit(project)}, ${nowPlus()}, ${nowPlus()} from ${rows}`.execute(
    db,
  )
  await sql`insert into events (id, photo_uuid, type, publish_after, lane)
    select ${uuid}, ${uuid}, 'image.queued', ${nowPlus()}, ${sql.lit(String(project))} from ${rows}
    order by n`.execute(db)
  if (isPostgres(db))
    for (const table of ['photos', 'events']) await sql`analyze ${sql.table(table)}`.execute(db)
}

describe.for(SETUPS)('fairness on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('delays the photos of a project by a window of another that has queued 100,000', () =>
    withApp(
      setup,
      async (app) => {
        const queue: string[] = []
        const publish: App['queue']['publish'] = async (messages) => {
          for (const { to, body } of messages)
            if (to === 'work') queue.push((body as { photo_uuid: string }).photo_uuid)
          return new Set(messages.map(({ id }) => id))
        }
        const watched = { ...app, queue: { ...app.queue, publish } }
        const begun: string[] = []
        /** What workers and the relay do until so many photos more have begun. */
        const work = async (count: number) => {
          for (const end = begun.length + count; begun.length < end; ) {
            const taken = queue.splice(0, HELD)
            begun.push(...taken)
            await app.db
              .updateTable('photos')
              .set({ status: 'completed', queued_at: null })
              .where('uuid', 'in', uuids(app.db, taken))
              .execute()
            await relayEvents(watched)
          }
        }
        await queueMany(app, 1)
        await relayEvents(watched)
        expect(queue).toHaveLength(WINDOW)
        await work(WINDOW)
        const few: string[] = []
        for (let i = 0; i < 10; i++) few.push(await insertPhoto(app, { project_id: 2 }))
        await requestProcessing(watched, few, false)
        const before = begun.length
        await work(2 * WINDOW)
        const places = few.map((uuid) => begun.indexOf(uuid))
        expect(Math.min(...places)).toBeGreaterThanOrEqual(before)
        expect(Math.max(...places) - before).toBeLessThan(WINDOW + HELD + few.length)
        const many = begun.filter((uuid) => !few.includes(uuid))
        expect(many).toEqual(many.toSorted())
      },
      { QUEUE_WINDOW: String(WINDOW) },
    ),
  )
})
