import { setTimeout as delay } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { openApp } from '../../lib/app.ts'
import { readConfig } from '../../lib/config/index.ts'
import type { Message, Queue } from '../../lib/queue/port.ts'
import {
  collector,
  idOf,
  within,
  withProxy,
  withQueue,
  withQueueOf,
  withStranger,
  work,
} from '../contracts/support.ts'
import { type Environment, isAvailable, SETUPS } from '../support/app.ts'
import { DEADLINE_MS, until } from '../support/service.ts'

const SERVERS = SETUPS[1]
const real = test.skipIf(!isAvailable(SERVERS))

const ROUNDS = 20
const WORKERS = 4

/** As the relay does: again, until each message is confirmed. */
async function publishAll(queue: Queue, messages: Message[]): Promise<void> {
  let left = messages
  await until(async () => {
    const confirmed = await queue.publish(left, 5_000)
    left = left.filter(({ id }) => !confirmed.has(id))
    return left.length === 0
  })
}

/** Workers of which each takes one message at a time, and keeps it until `release`. */
async function openWorkers(env: Environment, count: number) {
  const holding = new Map<number, string>()
  let opened = Promise.withResolvers<void>()
  const apps = await Promise.all(Array.from({ length: count }, () => openApp(readConfig(env))))
  const consumers = await Promise.all(
    apps.map((app, index) =>
      app.queue.consume('work', 1, async (delivery) => {
        const { promise } = opened
        holding.set(index, idOf(delivery))
        await promise
      }),
    ),
  )
  return {
    holding,
    release() {
      holding.clear()
      opened.resolve()
      opened = Promise.withResolvers()
    },
    async close() {
      opened.resolve()
      for (const consumer of consumers) await consumer.stop()
      for (const app of apps) await app.close()
    },
  }
}

real('after resets of all connections at any moment, every worker consumes again', () =>
  withProxy(SERVERS, (env, proxy) =>
    withQueueOf(env, async (queue) => {
      const uncaught: unknown[] = []
      const collect = (error: unknown) => uncaught.push(error)
      process.on('uncaughtException', collect)
      onTestFinished(() => void process.off('uncaughtException', collect))
      const workers = await openWorkers(env, WORKERS)
      for (let round = 0; round < ROUNDS; round++) {
        for (let reset = 0; reset < 3; reset++) {
          proxy.reset()
          await delay(50 + (((round * 3 + reset) * 397) % 1_450))
        }
        proxy.reset()
        // A worker that is deaf leaves its message to the others, each of which holds one already.
        const messages = Array.from({ length: WORKERS }, (_, index) => work(`${round}-${index}`))
        await publishAll(queue, messages)
        await until(
          () => workers.holding.size === WORKERS,
          DEADLINE_MS,
          () => `round ${round}: only ${[...workers.holding.keys()]} consume`,
        )
        workers.release()
      }
      await workers.close()
      expect(uncaught).toEqual([])
    }),
  ),
)

const PARTS = ['', '.dead', '.photo-notifications', '.image-processing', '.photo-app'] as const

real.for(PARTS)(
  '"%s" that is deleted while the service runs is made again, and nothing is confirmed that no queue has',
  (part) =>
    withQueue(SERVERS, async (queue, env) => {
      const name = env.QUEUE_NAME ?? ''
      const got = { work: collector(), dead: collector(), notifications: collector() }
      const heard: string[] = []
      for (const [from, { handle }] of Object.entries(got))
        await queue.consume(from as 'work' | 'dead' | 'notifications', 2, handle)
      await queue.listen(
        (body) => heard.push(Buffer.from(body).toString()),
        () => {},
      )
      const publish = async (id: string) => {
        const messages = [
          work(id),
          { ...work(`${id}-dead`), to: 'dead' },
          { ...work(`${id}-event`), to: 'app', key: 'image.uploaded' },
        ] as const
        await publishAll(queue, [...messages])
      }
      const hasCome = (id: string) =>
        got.work.ids().includes(id) &&
        got.dead.ids().includes(`${id}-dead`) &&
        got.notifications.ids().includes(`${id}-event`) &&
        heard.some((text) => text.includes(`${id}-event`))
      await publish('before')
      await until(
        () => hasCome('before'),
        DEADLINE_MS,
        () => [got.work.ids(), got.dead.ids(), got.notifications.ids(), heard],
      )
      await withStranger(env, async (stranger) => {
        const channel = await stranger.createChannel()
        if (part.endsWith('ing') || part.endsWith('app')) await channel.deleteExchange(`${name}${part}`)
        else await channel.deleteQueue(`${name}${part}`)
      })
      // The photo of today, and that of after the repair.
      await publishAll(queue, [work('at-once'), { ...work('at-once-dead'), to: 'dead' }])
      await until(
        () => got.work.ids().includes('at-once') && got.dead.ids().includes('at-once-dead'),
        DEADLINE_MS,
      )
      const ids: string[] = []
      await until(async () => {
        const id = `after-${ids.length}`
        await publish(id)
        return ids.push(id) > 0 && ids.some(hasCome)
      })
      expect(queue.isUp()).toBe(true)
    }),
)

real('a broker that falls silent delays one publication, not each, and is connected to anew', () =>
  withProxy(SERVERS, (env, proxy) =>
    withQueueOf(env, async (queue) => {
      const { ids, handle } = collector()
      await queue.consume('work', 2, handle)
      await publishAll(queue, [work('before')])
      proxy.silence()
      const late: boolean[] = []
      for (let i = 0; i < 10; i++) {
        // A deadline beyond the test's: whoever waits for it has not finished within. The first one does, the others must not.
        const ms = i === 0 ? 1_000 : DEADLINE_MS
        const published = await within(ms, queue.publish([work(`silent-${i}`)], 1.5 * ms))
        late.push(published === 'late')
        expect(published).toSatisfy((found: unknown) => found === 'late' || (found as Set<string>).size === 0)
        if (i === 0) await until(() => !queue.isUp())
      }
      expect(late).toEqual([true, ...Array(9).fill(false)])
      proxy.speak()
      await publishAll(queue, [work('after')])
      await until(() => ids().includes('after'))
    }),
  ),
)

real('a consumer that hears nothing any more is stopped, and the queue closed', () =>
  withProxy(SERVERS, (env, proxy) =>
    withQueueOf(env, async (queue) => {
      const { ids, handle } = collector()
      const consumer = await queue.consume('work', 2, handle)
      await publishAll(queue, [work('before')])
      await until(() => ids().includes('before'))
      proxy.silence()
      expect(await within(DEADLINE_MS, consumer.stop())).toBeUndefined()
      expect(await within(DEADLINE_MS, queue.close())).toBeUndefined()
    }),
  ),
)
