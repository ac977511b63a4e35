import { describe, expect, test } from 'vitest'
import { nowPlus } from '../../../lib/db/port.ts'
import { requestProcessing } from '../../../lib/photos/request.ts'
import { requeueAll, requeueStale } from '../../../lib/photos/requeue.ts'
import { findPhoto } from '../../../lib/photos/row.ts'
import { insertPhoto } from '../../functions/support.ts'
import { isAvailable, SETUPS, withApp } from '../../support/app.ts'
import { queuedDuring, withRefusing } from '../../support/queue.ts'

describe.for(SETUPS)('requeue on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('queues photos again whose message is older than REQUEUE_AFTER_MS, not those that are not queued', () =>
    withApp(setup, async (app) => {
      const [lost, fresh] = [await insertPhoto(app), await insertPhoto(app)]
      await requestProcessing(app, [lost, fresh], false)
      const old = nowPlus(-app.config.requeueAfterMs - 1_000)
      await app.db.updateTable('photos').set({ queued_at: old }).where('uuid', '=', lost).execute()
      await app.db.updateTable('events').set({ published_at: old }).where('photo_uuid', '=', lost).execute()
      const byHand = await insertPhoto(app, { queued_at: '2026-01-01T00:00:00.000Z' })
      const waiting = await insertPhoto(app, { created_at: '2020-01-01T00:00:00.000Z' })
      const queued = await queuedDuring(app, 4, async () => {
        expect([await requeueStale(app), await requeueStale(app)]).toEqual([2, 0])
      })
      expect(queued.slice(2).sort()).toEqual([lost, byHand].sort())
      expect(queued.slice(0, 2).sort()).toEqual([lost, fresh].sort())
      expect(await findPhoto(app.db, waiting)).toMatchObject({ status: 'pending', queued_at: null })
    }),
  )

  on('publishes a message for every queued photo, the oldest first', () =>
    withApp(setup, async (app) => {
      expect(await requeueAll(app)).toBe(0)
      const second = await insertPhoto(app, { queued_at: '2026-01-01T00:00:02.000Z' })
      const first = await insertPhoto(app, { queued_at: '2026-01-01T00:00:01.000Z' })
      await insertPhoto(app)
      for (const status of ['init', 'processing', 'completed', 'failed'] as const)
        await insertPhoto(app, { status, queued_at: '2026-01-01T00:00:00.000Z' })
      const queued = await queuedDuring(app, 2, async () => {
        expect(await requeueAll(app)).toBe(2)
      })
      expect(queued).toEqual([first, second])
      expect(await requeueAll(withRefusing(app, 1))).toBe(1)
    }),
  )
})
