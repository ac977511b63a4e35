import { uuidv7 } from 'uuidv7'
import { describe, expect, test } from 'vitest'
import { nowPlus } from '../../../lib/db/port.ts'
import { once } from '../../../lib/once.ts'
import { eventsOf, insertPhoto, readEvent, withLambda } from '../../functions/support.ts'
import { isAvailable, SETUPS } from '../../support/app.ts'

type Handler = (event: unknown) => Promise<number>

describe.for(SETUPS)('a schedule in Lambda on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('publishes what is due, and returns how much', () =>
    withLambda(setup, async (app) => {
      const photo_uuid = await insertPhoto(app)
      const event = { photo_uuid, type: 'image.queued' as const, publish_after: nowPlus(-1) }
      for (let i = 0; i < 3; i++)
        await app.db
          .insertInto('events')
          .values({ ...event, id: uuidv7() })
          .execute()
      const relay: { handler: Handler } = await import('../../../functions/schedules/relay.ts')
      const scheduled = await readEvent('scheduled')
      expect([await relay.handler(scheduled), await relay.handler(scheduled)]).toEqual([3, 0])
      for (const { published_at } of await eventsOf(app, 'image.queued')) expect(published_at).not.toBeNull()
    }),
  )

  on('frees photos whose worker died, and returns how many', () =>
    withLambda(setup, async (app) => {
      for (let i = 0; i < 2; i++)
        await insertPhoto(app, { status: 'processing', attempts: 1, lease_until: '2026-01-01T00:00:00.000Z' })
      const sweep: { handler: Handler } = await import('../../../functions/schedules/sweep.ts')
      const scheduled = await readEvent('scheduled')
      expect([await sweep.handler(scheduled), await sweep.handler(scheduled)]).toEqual([2, 0])
      expect(await app.db.selectFrom('photos').select('status').execute()).toEqual([
        { status: 'pending' },
        { status: 'pending' },
      ])
    }),
  )
})

describe('once', () => {
  test('opens at the first call only, however many come at once', async () => {
    let opened = 0
    const open = once(async () => ++opened)
    expect(opened).toBe(0)
    expect(await Promise.all([open(), open(), open()])).toEqual([1, 1, 1])
    expect(await open()).toBe(1)
  })

  test('tries again after a failure, and then keeps what it opened', async () => {
    let tries = 0
    const open = once(async () => {
      tries++
      if (tries === 1) throw new Error('away')
      return tries
    })
    const first = await Promise.allSettled([open(), open()])
    expect(first.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect([await open(), await open()]).toEqual([2, 2])
  })
})
