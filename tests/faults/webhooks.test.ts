import { uuidv7 } from 'uuidv7'
import { describe, expect, test } from 'vitest'
import type { App } from '../../lib/app.ts'
import { chunks, nowPlus } from '../../lib/db/port.ts'
import { runRelay } from '../../scripts/serve/roles.ts'
import { isAvailable, SETUPS, withApp } from '../support/app.ts'
import { until } from '../support/service.ts'
import { openReceiver, targets } from '../support/webhooks.ts'

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
