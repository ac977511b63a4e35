import amqplib from 'amqplib'
import { expect, test } from 'vitest'
import type { App } from '../../../lib/app.ts'
import { nowPlus } from '../../../lib/db/port.ts'
import { dropOldDead } from '../../../lib/outbox/dead-retention.ts'
import { openDeadQueue } from '../../../lib/queue/dead-queue.ts'
import { deadQueue } from '../../../lib/queue/topology.ts'
import { isAvailable, SETUPS, withApp } from '../../support/app.ts'
import { until } from '../../support/service.ts'

const [EMBEDDED, SERVERS] = SETUPS

const dead = (id: string) => ({ id, to: 'dead' as const, key: 'message.dead', body: Buffer.from(id) })

/** What lies in the dead queue, oldest first. */
async function deadIn({ config }: App): Promise<(string | undefined)[]> {
  const queue = await openDeadQueue({ url: config.rabbitmqUrl ?? '', queueName: config.queueName })
  const ids: (string | undefined)[] = []
  await queue.each(10, ({ id }) => {
    ids.push(id)
    return 'keep'
  })
  await queue.close()
  return ids
}

/** As a sweep does it whose turn it is, and that keeps messages for so long, in ms. */
async function sweep(app: App, eventsKeepMs: number): Promise<number> {
  await app.db
    .updateTable('turns')
    .set({ due: nowPlus(-1) })
    .execute()
  return dropOldDead({ ...app, config: { ...app.config, eventsKeepMs } })
}

test.skipIf(!isAvailable(SERVERS))('messages in the dead queue are kept for EVENTS_KEEP', () =>
  withApp(SERVERS, async (app) => {
    await until(() => app.queue.isUp())
    for (const id of ['first', 'second'])
      await until(async () => (await app.queue.publish([dead(id)], 10_000)).size === 1)
    expect(await sweep(app, 60_000)).toBe(0)
    expect(await deadIn(app)).toEqual(['first', 'second'])
    expect(await sweep(app, -60_000)).toBe(2)
    expect(await deadIn(app)).toEqual([])
    // Its turn comes once an hour.
    expect(await dropOldDead(app)).toBe(0)
  }),
)

test.skipIf(!isAvailable(SERVERS))('messages that do not say how old they are hide none behind them', () =>
  withApp(SERVERS, async (app) => {
    await until(() => app.queue.isUp())
    const connection = await amqplib.connect(app.config.rabbitmqUrl ?? '')
    const channel = await connection.createConfirmChannel()
    for (let i = 0; i < 600; i++)
      channel.sendToQueue(deadQueue(app.config.queueName), Buffer.from('old'), { messageId: `${i}` })
    await channel.waitForConfirms()
    await connection.close()
    await until(async () => (await app.queue.publish([dead('last')], 10_000)).size === 1)
    expect(await sweep(app, 60_000)).toBe(0)
    expect(await sweep(app, -60_000)).toBe(1)
    expect((await deadIn(app)).slice(0, 2)).toEqual(['0', '1'])
  }),
)

test('without a broker there is no dead queue', () =>
  withApp(EMBEDDED, async (app) => {
    expect(await sweep(app, -60_000)).toBe(0)
  }))
