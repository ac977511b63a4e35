import { sql } from 'kysely'
import { uuidv7 } from 'uuidv7'
import { describe, expect, test } from 'vitest'
import { deliver } from '../../functions/schedules/deliver.ts'
import { type App, openApp } from '../../lib/app.ts'
import { readConfig } from '../../lib/config/index.ts'
import { chunks, nowPlus } from '../../lib/db/port.ts'
import { runRelay } from '../../scripts/serve/roles.ts'
import { isAvailable, SETUPS, withApp, withEnvironment } from '../support/app.ts'
import { openProxy } from '../support/proxy.ts'
import { DEADLINE_MS, until } from '../support/service.ts'
import { deliveries, openReceiver, targets } from '../support/webhooks.ts'
import { addressOf, through } from './support.ts'

const EVENTS = 300

async function enqueue({ db }: App, target: string, count: number): Promise<void> {
  const rows = Array.from({ length: count }, () => ({
    event_id: uuidv7(),
    target,
    body: JSON.stringify({ type: 'image.uploaded' }),
    due: nowPlus(),
  }))
  for (const part of chunks(rows)) await db.insertInto('deliveries').values(part).execute()
}

describe.for(SETUPS)('webhooks on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('a target that loses one request in ten gets every event, none behind those that are lost', async () => {
    const taken = new Set<string>()
    const seen = new Set<string>()
    let beforeFirstAgain: number | undefined
    let requests = 0
    const receiver = await openReceiver(({ headers }, response) => {
      requests++
      const id = headers['webhook-id'] ?? ''
      if (seen.has(id)) beforeFirstAgain ??= taken.size
      seen.add(id)
      if (requests % 10 === 0) return
      taken.add(id)
      response.writeHead(204).end()
    })
    await withApp(
      setup,
      async (app) => {
        await enqueue(app, `${receiver.url}/hook`, EVENTS)
        const relay = await runRelay(app)
        // Lost requests end after 15 s each. Ten at a time, with all waiting for the last, that is 450 s.
        await until(
          () => taken.size === EVENTS,
          150_000,
          async () => taken.size,
        )
        expect(beforeFirstAgain).toBeGreaterThanOrEqual(EVENTS * 0.3)
        expect(requests).toBeLessThan(EVENTS * 1.2)
        await receiver.close()
        await relay.stop()
      },
      targets(receiver, '/hook'),
    )
  })
})

const SERVERS = SETUPS[1]

test.skipIf(!isAvailable(SERVERS))(
  'an outcome that the database did not take is stored when it is back, and nothing is sent twice',
  () =>
    withEnvironment(
      SERVERS,
      async (env) => {
        const proxy = await openProxy(addressOf(env.DATABASE_URL ?? '', 5432))
        const receiver = await openReceiver(async (_, response) => {
          await proxy.cut()
          response.writeHead(204).end()
        })
        const direct = await openApp(readConfig(env))
        const DATABASE_URL = through(env.DATABASE_URL ?? '', proxy.port)
        const app = await openApp(readConfig({ ...env, DATABASE_URL, ...targets(receiver, '/hook') }))
        try {
          await enqueue(direct, `${receiver.url}/hook`, 1)
          await deliver.run(app, `${receiver.url}/hook`)
          await until(() => receiver.received.length > 0)
          // So that the first try to store it finds the database away.
          await expect.poll(() => isUp(app)).toBe(false)
          await proxy.restore()
          // Where it is not stored, it is sent again a minute after it was taken.
          const isDone = async () => (await deliveries(direct))[0]?.due === null
          await until(isDone, DEADLINE_MS / 2, () => deliveries(direct))
          expect(receiver.received).toHaveLength(1)
        } finally {
          await deliver.finish(app)
          await Promise.all([app.close(), direct.close(), receiver.close(), proxy.close()])
        }
      },
      'migrated',
    ),
)

const isUp = ({ db }: App) =>
  sql`select 1`.execute(db).then(
    () => true,
    () => false,
  )
