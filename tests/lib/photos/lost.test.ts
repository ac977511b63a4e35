import { describe, expect, test } from 'vitest'
import type { App } from '../../../lib/app.ts'
import { nowPlus } from '../../../lib/db/port.ts'
import { keepAtHand } from '../../../lib/photos/at-hand.ts'
import { claim } from '../../../lib/photos/attempt.ts'
import { requeueLost } from '../../../lib/photos/lost.ts'
import { requestProcessing } from '../../../lib/photos/request.ts'
import { eventsOf, expireLeases, insertPhoto } from '../../functions/support.ts'
import { isAvailable, SETUPS, withApp } from '../../support/app.ts'
import { queuedDuring } from '../../support/queue.ts'
import { until } from '../../support/service.ts'

async function queue(app: App, count: number): Promise<string[]> {
  const photos: string[] = []
  for (let i = 0; i < count; i++) photos.push(await insertPhoto(app))
  await requestProcessing(app, photos, false)
  return photos
}

/** As two sweeps find it, the second half a minute after the first. */
async function sweepTwice(app: App, apartMs = 30_000): Promise<number> {
  const first = await requeueLost(app)
  await app.db
    .updateTable('photos')
    .set({ missing_at: nowPlus(-apartMs) })
    .where('missing_at', 'is not', null)
    .execute()
  return first + (await requeueLost(app))
}

/** Takes every message from the queue, and forgets it. */
const lose = (app: App, count: number) => queuedDuring(app, count, async () => {})

/** As if all had been queued an hour ago. */
async function age({ db }: App): Promise<void> {
  await db
    .updateTable('photos')
    .set({ queued_at: nowPlus(-3_600_000) })
    .execute()
  await db
    .updateTable('events')
    .set({ published_at: nowPlus(-3_600_000) })
    .execute()
}

/** Waits until the queue says so, which a broker may do a moment late. */
const untilDeep = (app: App, depth: number) => until(async () => (await app.queue.depth()) === depth)

describe.for(SETUPS)('lost messages on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))
  // Longer than what a test does between two sweeps may take.
  const withSweeps = (use: (app: App) => Promise<void>) => withApp(setup, use, { SWEEP_INTERVAL_MS: '8000' })

  on('are those that the queue lacks in two sweeps; they are published once more', () =>
    withSweeps(async (app) => {
      const lost = await queue(app, 7)
      await lose(app, 7)
      const kept = await queue(app, 5)
      await untilDeep(app, 5)
      expect([await requeueLost(app), await requeueLost(app)]).toEqual([0, 0])
      expect(await sweepTwice(app)).toBe(7)
      await untilDeep(app, 12)
      expect([await sweepTwice(app), await sweepTwice(app)]).toEqual([0, 0])
      const queued = await lose(app, 12)
      expect(queued.slice(0, 5)).toEqual(kept)
      expect(queued.slice(5).sort()).toEqual(lost.sort())
    }),
  )

  on('are found however far apart the sweeps are', () =>
    withApp(
      setup,
      async (app) => {
        await queue(app, 3)
        await lose(app, 3)
        expect(await sweepTwice(app, 600_000)).toBe(3)
      },
      { SWEEP_INTERVAL_MS: '600000' },
    ),
  )

  on('are not those that have waited for long', () =>
    withSweeps(async (app) => {
      await queue(app, 40)
      await untilDeep(app, 40)
      await age(app)
      for (let i = 0; i < 3; i++) expect(await sweepTwice(app)).toBe(0)
      expect(await eventsOf(app, 'image.queued')).toHaveLength(40)
    }),
  )

  on('are found in the order of their last publication', () =>
    withSweeps(async (app) => {
      const [early = ''] = await queue(app, 1)
      const late = await queue(app, 2)
      await lose(app, 3)
      // A retry, whose message came after its photo had waited.
      await app.queue.publish([{ id: early, to: 'work', key: '', body: { photo_uuid: early } }], 5_000)
      await app.db.updateTable('photos').set({ published_at: nowPlus() }).where('uuid', '=', early).execute()
      await untilDeep(app, 1)
      expect(await sweepTwice(app)).toBe(2)
      expect(await lose(app, 3)).toEqual([early, ...late])
    }),
  )

  on('are not those that a worker has at hand, has claimed or that wait in the outbox', () =>
    withSweeps(async (app) => {
      const [atHand = '', claimed = '', waiting = ''] = await queue(app, 3)
      await lose(app, 3)
      const letGo = keepAtHand(app, atHand)
      await until(
        async () =>
          (await app.db.selectFrom('photos').select('lease_until').where('uuid', '=', atHand).execute())[0]
            ?.lease_until !== null,
      )
      await claim(app, claimed)
      await app.db
        .updateTable('events')
        .set({ published_at: null, publish_after: nowPlus(1_000) })
        .where('photo_uuid', '=', waiting)
        .execute()
      expect(await sweepTwice(app)).toBe(0)
      letGo()
      // The process died that had it.
      await expireLeases(app, atHand)
      expect(await sweepTwice(app)).toBe(1)
    }),
  )

  on('are also those of photos that were set to pending by hand', () =>
    withSweeps(async (app) => {
      const byHand = await insertPhoto(app, { queued_at: '2026-01-01T00:00:00.000Z' })
      await insertPhoto(app)
      await untilDeep(app, 0)
      expect(await sweepTwice(app)).toBe(1)
      expect(await lose(app, 1)).toEqual([byHand])
    }),
  )

  on('are published once, though several relays sweep at once', () =>
    withSweeps(async (app) => {
      await queue(app, 20)
      await lose(app, 20)
      await requeueLost(app)
      await app.db
        .updateTable('photos')
        .set({ missing_at: nowPlus(-30_000) })
        .execute()
      const counts = await Promise.all([1, 2, 3].map(() => requeueLost(app)))
      expect(counts.reduce((sum, count) => sum + count)).toBe(20)
      expect(await eventsOf(app, 'image.queued')).toHaveLength(40)
    }),
  )

  on('are nobody’s guess where the queue does not say what it holds', () =>
    withSweeps(async (app) => {
      await queue(app, 2)
      await lose(app, 2)
      expect(await sweepTwice({ ...app, queue: { ...app.queue, depth: async () => undefined } })).toBe(0)
    }),
  )
})
