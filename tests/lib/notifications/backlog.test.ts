import { uuidv7 } from 'uuidv7'
import { describe, expect, test } from 'vitest'
import { sweep } from '../../../functions/schedules/sweep.ts'
import type { App } from '../../../lib/app.ts'
import { nowPlus } from '../../../lib/db/port.ts'
import { giveUpExcess, giveUpRemoved } from '../../../lib/notifications/backlog.ts'
import { measure } from '../../functions/health/metrics-text.ts'
import { isAvailable, SETUPS, withApp } from '../../support/app.ts'
import { WEBHOOK_SECRET } from '../../support/webhooks.ts'

const [HERE, GONE] = ['http://127.0.0.1:9/hook', 'http://127.0.0.1:10/hook']

async function enqueue({ db }: App, target: string, count: number, agoMs = 0): Promise<string[]> {
  const rows = Array.from({ length: count }, (_, i) => ({
    event_id: uuidv7(),
    target,
    body: '{}',
    due: nowPlus(60_000),
    created_at: nowPlus(i - agoMs),
  }))
  await db.insertInto('deliveries').values(rows).execute()
  return rows.map(({ event_id }) => event_id)
}

const waiting = async ({ db }: App, target: string) =>
  (
    await db
      .selectFrom('deliveries')
      .select('event_id')
      .where('target', '=', target)
      .where('due', 'is not', null)
      .orderBy('event_id')
      .execute()
  ).map(({ event_id }) => event_id)

describe.for(SETUPS)('the backlog of deliveries on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))
  const withTarget = (use: (app: App) => Promise<void>) =>
    withApp(setup, use, { WEBHOOK_URLS: HERE, WEBHOOK_SECRET })

  on('has nothing that is due for a target that was taken out of the configuration', () =>
    withTarget(async (app) => {
      await enqueue(app, GONE, 3, 3_600_000)
      const kept = await enqueue(app, HERE, 2, 3_600_000)
      // A process with a newer configuration may know this target already.
      const fresh = await enqueue(app, GONE, 1)
      await sweep.run(app)
      expect([await waiting(app, GONE), await waiting(app, HERE)]).toEqual([fresh, kept])
      expect(
        await app.db.selectFrom('deliveries').select(['error', 'body']).where('due', 'is', null).execute(),
      ).toEqual(
        Array.from({ length: 3 }, () => ({
          error: 'The target is not in the configuration any more',
          body: '{}',
        })),
      )
    }),
  )

  on('has nothing that is due where no target is left', () =>
    withApp(setup, async (app) => {
      await enqueue(app, GONE, 3, 3_600_000)
      expect(await giveUpRemoved(app)).toBe(3)
      expect(await waiting(app, GONE)).toEqual([])
    }),
  )

  on('is bounded: of one target the oldest are given up', () =>
    withTarget(async (app) => {
      const all = await enqueue(app, HERE, 12)
      expect(await giveUpExcess(app, 12)).toBe(0)
      expect(await giveUpExcess(app, 8)).toBe(4)
      expect(await waiting(app, HERE)).toEqual(all.slice(4))
    }),
  )

  on('is a metric of each target', () =>
    withTarget(async (app) => {
      await enqueue(app, HERE, 4)
      await enqueue(app, `${HERE}/other`, 1)
      expect(await measure(app)).toMatchObject({ 'photo_deliveries_waiting{target="127.0.0.1:9"}': 5 })
    }),
  )
})
