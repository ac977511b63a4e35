import { uuidv7 } from 'uuidv7'
import { describe, expect, test } from 'vitest'
import type { App } from '../../../lib/app.ts'
import { nowPlus } from '../../../lib/db/port.ts'
import { relayEvents } from '../../../lib/outbox/relay.ts'
import { isAvailable, SETUPS, withApp } from '../../support/app.ts'
import { queuedDuring, withRefusing } from '../../support/queue.ts'
import { until } from '../../support/service.ts'

/** Inserts events that queue photos, as a process left them that died before it published. */
async function leaveEvents(app: App, count: number, dueInMs: number): Promise<string[]> {
  // The ids as of a clock that goes backwards: what is published comes in the order of the database nevertheless.
  const ids = Array.from({ length: count }, () => uuidv7()).reverse()
  const rows = ids.map((id) => ({ id, photo_uuid: uuidv7() }))
  const more = { type: 'image.queued' as const, publish_after: nowPlus(dueInMs) }
  await app.db
    .insertInto('events')
    .values(rows.map((row) => ({ ...row, ...more })))
    .execute()
  return rows.map(({ photo_uuid }) => photo_uuid)
}

const makeDue = ({ db }: App) =>
  db
    .updateTable('events')
    .set({ publish_after: nowPlus(-1) })
    .where('published_at', 'is', null)
    .execute()

const countUnpublished = async ({ db }: App) =>
  (await db.selectFrom('events').select('id').where('published_at', 'is', null).execute()).length

describe.for(SETUPS)('relay on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('relays what is due, in order and once, and leaves what is not', () =>
    withApp(setup, async (app) => {
      const due = await leaveEvents(app, 5, -1_000)
      await leaveEvents(app, 2, 60_000)
      const queued = await queuedDuring(app, 5, async () => {
        expect([await relayEvents(app), await relayEvents(app)]).toEqual([5, 0])
      })
      expect(queued).toEqual(due)
      expect(await countUnpublished(app)).toBe(2)
    }),
  )

  on('relays nothing while the queue refuses, counts what it took, and catches up', () =>
    withApp(setup, async (app) => {
      const due = await leaveEvents(app, 3, -1_000)
      const queued = await queuedDuring(app, 3, async () => {
        expect(await relayEvents(withRefusing(app, 0))).toBe(0)
        expect(await countUnpublished(app)).toBe(3)
        await makeDue(app)
        expect(await relayEvents(withRefusing(app, 2))).toBe(2)
        expect(await countUnpublished(app)).toBe(1)
        await makeDue(app)
        expect(await relayEvents(app)).toBe(1)
      })
      expect(queued).toEqual(due)
      expect(await countUnpublished(app)).toBe(0)
    }),
  )

  on('loses none of more than one batch while two relays run at once', () =>
    withApp(setup, async (app) => {
      const due = await leaveEvents(app, 700, -1_000)
      const relayAll = async () => {
        let all = 0
        for (let count = await relayEvents(app); count > 0; count = await relayEvents(app)) all += count
        return all
      }
      const queued = await queuedDuring(app, 700, async () => {
        const [one, two] = await Promise.all([relayAll(), relayAll()])
        expect(one + two).toBe(700 - (await countUnpublished(app)))
        // What a slow broker did not confirm in time is due again.
        await until(async () => {
          await makeDue(app)
          await relayEvents(app)
          return (await countUnpublished(app)) === 0
        })
      })
      expect([...new Set(queued)].sort()).toEqual(due.sort())
    }),
  )
})
