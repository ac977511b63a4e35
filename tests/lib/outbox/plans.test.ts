import { type CompiledQuery, sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import type { App } from '../../../lib/app.ts'
import { isPostgres } from '../../../lib/db/port.ts'
import { AppError } from '../../../lib/errors.ts'
import { relayEvents } from '../../../lib/outbox/relay.ts'
import { addPhotos } from '../../../lib/photos/add.ts'
import { claim, retryLater } from '../../../lib/photos/attempt.ts'
import { requeueLost } from '../../../lib/photos/lost.ts'
import { requestProcessing } from '../../../lib/photos/request.ts'
import { insertPhoto } from '../../functions/support.ts'
import { isAvailable, SETUPS, withApp } from '../../support/app.ts'
import { watch } from '../../support/statements.ts'

const WAITING = 60_000

/** A lane whose window is full, and in which many messages wait. */
async function fillLane({ db, queue }: App): Promise<void> {
  const [series, id] = isPostgres(db)
    ? [sql`generate_series(1, ${sql.lit(WAITING)})`, sql`gen_random_uuid()`]
    : [
        sql`(with recursive n (i) as (select 1 union all select i + 1 from n where i < ${sql.lit(WAITING)}) select i from n)`,
        sql`uuid`,
      ]
  for (const [held_at, count] of [
    [sql`now_plus(0)`, WAITING],
    [sql`null`, queue.window],
  ] as const)
    await sql`insert into photos (url, door, queued_at, held_at)
      select 'https://example.com/a.jpg', 'jobs', now_plus(0), ${held_at} from ${series} as i
      limit ${sql.lit(count)}`.execute(db)
  await sql`insert into events (id, photo_uuid, type, publish_after, lane)
    select ${id}, uuid, 'image.queued', now_plus(0), 'jobs' from photos where held_at is not null`.execute(db)
  await sql`analyze`.execute(db)
}

/** How often a plan reads a whole table of ours. */
async function wholeReads({ db }: App, statement: CompiledQuery): Promise<string[]> {
  const explain = isPostgres(db) ? 'explain' : 'explain query plan'
  const { rows } = await db.executeQuery<{ 'QUERY PLAN'?: string; detail?: string }>({
    ...statement,
    sql: `${explain} ${statement.sql}`,
  })
  return rows
    .map((row) => row['QUERY PLAN'] ?? row.detail ?? '')
    .filter((line) => /(Seq Scan on|^SCAN) (photos|events)(?! USING INDEX| USING COVERING INDEX)/.test(line))
}

describe.for(SETUPS)('the statements of the outbox on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))
  const url = 'https://example.com/'

  on('read indexes alone, however many messages wait', () =>
    withApp(
      setup,
      async (app) => {
        await fillLane(app)
        const { watched, statements } = watch(app)
        for (const door of ['jobs', 'v1'] as const)
          for (const count of [1, 3])
            await addPhotos(
              watched,
              Array.from({ length: count }, () => ({ url, door, queued: true })),
            )
        expect(await relayEvents(watched)).toBe(0)
        // Of the photos of the full lane it finds half missing.
        const half = { ...app.queue, depth: async () => 50 }
        expect(await requeueLost({ ...watched, queue: half })).toBe(0)
        await app.db
          .updateTable('photos')
          .set({ status: 'completed' })
          .where('held_at', 'is', null)
          .where('door', '=', 'jobs')
          .execute()
        expect(await relayEvents(watched)).toBe(100)
        expect(statements.length).toBeGreaterThan(20)
        for (const statement of statements)
          expect(await wholeReads(app, statement), statement.sql).toEqual([])
      },
      { QUEUE_WINDOW: '100' },
    ),
  )

  on('are no more for an ordinary request than without a window, and two more for a retry', () =>
    withApp(setup, async (app) => {
      const { watched, statements } = watch(app)
      const count = async (use: () => Promise<unknown>) => {
        const before = statements.length
        await use()
        return statements.length - before
      }
      expect(await count(() => addPhotos(watched, [{ url, door: 'v1', queued: true }]))).toBe(3)
      const photo = await insertPhoto(app)
      expect(await count(() => requestProcessing(watched, [photo], false))).toBe(4)
      const attempt = await claim(app, photo)
      if (!attempt) throw new Error('not claimed')
      const error = new AppError('source-unavailable', '')
      const retry = () => retryLater(watched, attempt, error, { delayMs: 60_000, isCounted: true })
      // One says where the message waits, one that its event is published.
      expect(await count(retry)).toBe(4)
      expect(await count(() => relayEvents(watched))).toBe(2)
    }),
  )
})
