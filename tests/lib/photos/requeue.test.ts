import { describe, expect, test } from 'vitest'
import { requeueAll } from '../../../lib/photos/requeue.ts'
import { insertPhoto } from '../../functions/support.ts'
import { isAvailable, SETUPS, withApp } from '../../support/app.ts'
import { queuedDuring, withRefusing } from '../../support/queue.ts'

describe.for(SETUPS)('requeue on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

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
