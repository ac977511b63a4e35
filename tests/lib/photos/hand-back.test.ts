import { describe, expect, test } from 'vitest'
import { handBackError } from '../../../lib/download/hand-back.ts'
import type { Hold } from '../../../lib/hold.ts'
import { claim, retryLater } from '../../../lib/photos/attempt.ts'
import { handBack } from '../../../lib/photos/hand-back.ts'
import { processPhoto } from '../../../lib/photos/process.ts'
import { findPhoto } from '../../../lib/photos/row.ts'
import { insertPhoto } from '../../functions/support.ts'
import { isAvailable, SETUPS, withApp, withInlineWorker } from '../../support/app.ts'
import { until } from '../../support/service.ts'

describe.for(SETUPS)('a photo that is handed back on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('is requested from then on, also where only a message named it', () =>
    withApp(setup, async (app) => {
      const before = '2026-01-01T00:00:00.000Z'
      const named = await insertPhoto(app, { attempts: 3, given_back: 2 })
      const requested = await insertPhoto(app, { attempts: 3, given_back: 2, queued_at: before })
      const error = handBackError('host', 'example.com', 60_000)
      await handBack(
        app,
        [named, requested].map((uuid) => ({ uuid, error })),
      )
      expect(await findPhoto(app.db, named)).toMatchObject({
        status: 'pending',
        queued_at: expect.any(String),
        attempts: 0,
        given_back: 0,
      })
      expect(await findPhoto(app.db, requested)).toMatchObject({
        queued_at: before,
        attempts: 3,
        given_back: 2,
      })
    }),
  )

  on('counts, by what was taken, before its claim and after it', () =>
    withApp(setup, async (app) => {
      const uuids = [await insertPhoto(app), await insertPhoto(app)]
      await handBack(
        app,
        uuids.map((uuid) => ({ uuid, error: handBackError('stop') })),
      )
      const attempt = await claim(app, await insertPhoto(app))
      if (!attempt) throw new Error('not claimed')
      await retryLater(app, attempt, handBackError('memory'), { delayMs: 1_000, isCounted: false })
      const { values } = await app.metrics.handedBack.get()
      expect(values).toMatchObject([
        { labels: { reason: 'stop' }, value: 2 },
        { labels: { reason: 'memory' }, value: 1 },
      ])
      expect((await app.metrics.retries.get()).values).toEqual([])
    }),
  )
})

test('a photo whose claim waits is kept at hand until it is claimed', () =>
  withInlineWorker(SETUPS[0], async (app) => {
    const uuid = await insertPhoto(app, { url: 'http://127.0.0.1:1/photo.jpg' })
    const back = Promise.withResolvers<void>()
    let steps = 0
    const run: Hold['run'] = async (step, options) => {
      // The first looks for the photo, the second claims it.
      if (++steps === 2) await back.promise
      return app.hold.run(step, options)
    }
    const processing = processPhoto({ ...app, hold: { ...app.hold, run } }, uuid)
    await until(async () => (await findPhoto(app.db, uuid)).lease_until !== null)
    expect(await findPhoto(app.db, uuid)).toMatchObject({ status: 'pending' })
    back.resolve()
    expect(await processing).toBe('retried')
  }))
