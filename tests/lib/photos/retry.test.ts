import { describe, expect, test, vi } from 'vitest'
import { AppError } from '../../../lib/errors.ts'
import type { CloudEvent } from '../../../lib/outbox/event.ts'
import { claim, retryLater } from '../../../lib/photos/attempt.ts'
import { freeExpired } from '../../../lib/photos/expired.ts'
import { findPhoto } from '../../../lib/photos/row.ts'
import { showPhoto } from '../../../lib/photos/show.ts'
import { eventsOf, expireLeases, insertPhoto, READER } from '../../functions/support.ts'
import { isAvailable, SETUPS, withApp } from '../../support/app.ts'
import { until } from '../../support/service.ts'

describe.for(SETUPS)('a retry on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('is an event, and shown until the next attempt: which failed, why, and when the next begins', () =>
    withApp(
      setup,
      async (app) => {
        const heard: CloudEvent[] = []
        let listening = false
        const listener = await app.queue.listen(
          (body) => void heard.push(JSON.parse(Buffer.from(body).toString())),
          () => {
            listening = true
          },
        )
        await until(() => listening)
        const uuid = await insertPhoto(app, { attempts: 2, queued_at: new Date().toISOString() })
        const attempt = await claim(app, uuid)
        if (!attempt) throw new Error('not claimed')
        const error = new AppError('source-unavailable', 'The source answered 503')
        // The clock of a worker that is a minute ahead says nothing.
        vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 60_000 })
        await retryLater(app, attempt, error, { delayMs: 3_600_000, isCounted: true }).finally(() =>
          vi.useRealTimers(),
        )
        const retry = {
          attempt: 3,
          max_attempts: 5,
          next_attempt_at: expect.stringMatching(/^20.*Z$/),
          error: { code: 'source-unavailable', message: 'The source answered 503' },
        }
        await until(() => heard.some(({ type }) => type === 'image.retrying'))
        await listener.stop()
        const data = heard.find(({ type }) => type === 'image.retrying')?.data
        expect(data).toMatchObject({ photo_uuid: uuid, status: 'pending', state: 'uploaded', ...retry })
        const [queued] = await eventsOf(app, 'image.queued')
        const difference = Date.parse(data?.next_attempt_at ?? '') - Date.parse(queued?.publish_after ?? '')
        expect(Math.abs(difference)).toBeLessThan(30_000)
        expect(showPhoto(await findPhoto(app.db, uuid), [], READER)).toMatchObject({ error: null, retry })
        await claim(app, uuid)
        expect(showPhoto(await findPhoto(app.db, uuid), [], READER)).toMatchObject({ retry: null })
      },
      { MAX_ATTEMPTS: '5' },
    ),
  )

  on('follows a worker that died, too', () =>
    withApp(setup, async (app) => {
      const uuid = await insertPhoto(app, {
        status: 'processing',
        attempts: 1,
        lease_token: crypto.randomUUID(),
        render_began_at: new Date().toISOString(),
      })
      await expireLeases(app)
      expect(await freeExpired(app)).toBe(1)
      expect(showPhoto(await findPhoto(app.db, uuid), [], READER).retry).toMatchObject({
        attempt: 1,
        error: { code: 'worker-lost' },
      })
      expect(await eventsOf(app, 'image.retrying')).toMatchObject([
        { photo_uuid: uuid, attempt: 1, published_at: expect.any(String) },
      ])
    }),
  )
})
