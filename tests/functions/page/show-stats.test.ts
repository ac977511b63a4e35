import { uuidv7obj } from 'uuidv7'
import { describe, expect, test, vi } from 'vitest'
import { showStats } from '../../../functions/page/show-stats.ts'
import type { App } from '../../../lib/app.ts'
import type { PhotoStatus } from '../../../lib/photo-status.ts'
import type { Stats } from '../../../lib/photos/stats.ts'
import { isAvailable, SETUPS, withApp } from '../../support/app.ts'
import { call, insertPhoto, withServer } from '../support.ts'

const MINUTE_MS = 60_000

/** An event of a time, with the id that it would have. */
async function insertEvent(
  { db }: App,
  type: 'image.uploaded' | 'image.failed' | 'image.queued',
  ms: number,
) {
  const id = uuidv7obj().toHex()
  const time = ms.toString(16).padStart(12, '0')
  const dated = `${time}${id.slice(12)}`.replace(/(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
  await db
    .insertInto('events')
    .values({ id: dated, type, at: new Date(ms).toISOString() } as never)
    .execute()
}

describe.for(SETUPS)('GET /photos/stats on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('counts by status, and what was done in each of the last 15 minutes', () =>
    withApp(setup, async (app) => {
      const counts = { init: 1, pending: 2, processing: 3, completed: 4, failed: 5 }
      for (const [status, count] of Object.entries(counts))
        for (let i = 0; i < count; i++) await insertPhoto(app, { status: status as PhotoStatus })
      const minute = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS
      for (const ago of [0, 3, 3, 14, 15, 600])
        await insertEvent(app, 'image.uploaded', minute - ago * MINUTE_MS)
      await insertEvent(app, 'image.failed', minute - 3 * MINUTE_MS + 59_999)
      await insertEvent(app, 'image.queued', minute)
      const { body } = await call(showStats, app)
      const { per_minute, ...totals } = body as Stats
      expect(totals).toEqual({ total: 15, ...counts })
      const last = Date.parse(per_minute.at(-1)?.at ?? '')
      expect(last - minute).toBeLessThanOrEqual(MINUTE_MS)
      expect(per_minute.map(({ at }) => Date.parse(at))).toEqual(
        Array.from({ length: 15 }, (_, i) => last - (14 - i) * MINUTE_MS),
      )
      const done = new Map(
        per_minute.map(({ at, completed, failed }) => [Date.parse(at), [completed, failed]]),
      )
      expect(done.get(minute)).toEqual([1, 0])
      expect(done.get(minute - 3 * MINUTE_MS)).toEqual([2, 1])
      expect([...done.values()].reduce((sum, [completed = 0]) => sum + completed, 0)).toBeGreaterThanOrEqual(
        3,
      )
      expect(done.has(minute - 15 * MINUTE_MS)).toBe(false)
    }),
  )

  on('is counted again after a second, and not before', () =>
    withApp(setup, (app) =>
      withServer(app, async (url) => {
        const total = async () => ((await (await fetch(`${url}/photos/stats`)).json()) as Stats).total
        vi.useFakeTimers({ toFake: ['performance'] })
        try {
          expect(await total()).toBe(0)
          await insertPhoto(app)
          vi.advanceTimersByTime(999)
          expect(await total()).toBe(0)
          vi.advanceTimersByTime(1)
          expect(await total()).toBe(1)
        } finally {
          vi.useRealTimers()
        }
      }),
    ),
  )
})
