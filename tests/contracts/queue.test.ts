import { describe, expect, test } from 'vitest'
import { DELIVERY_LIMIT, REDELIVERY_MS } from '../../lib/queue/port.ts'
import { isAvailable, SETUPS, withEnvironment } from '../support/app.ts'
import { DEADLINE_MS, until } from '../support/service.ts'
import { collector, gate, idOf, textOf, untilLast, within, withQueue, withQueueOf, work } from './support.ts'

const [EMBEDDED, SERVERS] = SETUPS

const BACKENDS = [
  { name: 'memory', setup: EMBEDDED },
  { name: 'RabbitMQ', setup: SERVERS },
] as const

describe.for(BACKENDS)('queue in $name', ({ setup }) => {
  const on = test.skipIf(!isAvailable(setup))

  on('confirms what is published, and hands out body and headers as they were given', () =>
    withQueue(setup, async (queue) => {
      const { got, handle } = collector()
      const consumer = await queue.consume('work', 1, handle)
      const body = { photo_uuid: 'é', nested: [1, null] }
      const messages = [{ ...work('a'), body, headers: { 'x-reason': 'because' } }, work('b'), work('c')]
      expect(await queue.publish(messages, DEADLINE_MS)).toEqual(new Set(['a', 'b', 'c']))
      await until(() => got.length === 3)
      expect(got.map((delivery) => JSON.parse(textOf(delivery)))).toEqual([body, { id: 'b' }, { id: 'c' }])
      expect(got.map(({ headers }) => headers['x-reason'])).toEqual(['because', undefined, undefined])
      expect(got.map(({ redelivered }) => redelivered)).toEqual([false, false, false])
      expect(queue.isUp()).toBe(true)
      await consumer.stop()
    }),
  )

  on('confirms nothing for nothing, and each of thousands at once', () =>
    withQueue(setup, async (queue) => {
      expect(await queue.publish([], DEADLINE_MS)).toEqual(new Set())
      const messages = Array.from({ length: 2_000 }, (_, i) => work(`m${i}`))
      const confirmed = await queue.publish(messages, DEADLINE_MS)
      expect(confirmed).toEqual(new Set(messages.map(({ id }) => id)))
    }),
  )

  on('keeps what is published before there is a consumer', () =>
    withQueue(setup, async (queue) => {
      await queue.publish([work('early'), work('too')], DEADLINE_MS)
      const { ids, handle } = collector()
      const consumer = await queue.consume('work', 5, handle)
      await until(() => ids().length === 2)
      await consumer.stop()
      expect(ids()).toEqual(['early', 'too'])
    }),
  )

  on('hands each message to one of several consumers', () =>
    withQueue(setup, async (queue) => {
      const { ids, handle } = collector()
      const consumers = [await queue.consume('work', 2, handle), await queue.consume('work', 2, handle)]
      const sent = Array.from({ length: 20 }, (_, i) => `m${i}`)
      await queue.publish(sent.map(work), DEADLINE_MS)
      await untilLast(queue, ids)
      for (const consumer of consumers) await consumer.stop()
      expect(ids().sort()).toEqual([...sent, 'last'].sort())
    }),
  )

  on('brings a message back whose handler threw, marked as redelivered', () =>
    withQueue(setup, async (queue) => {
      const { got, ids, handle } = collector()
      const consumer = await queue.consume('work', 1, async (delivery) => {
        await handle(delivery)
        if (got.length === 1) throw new Error('the first time')
      })
      await queue.publish([work('a')], DEADLINE_MS)
      await until(() => got.length === 2)
      await untilLast(queue, ids)
      await consumer.stop()
      expect(got.map((delivery) => [idOf(delivery), delivery.redelivered])).toEqual([
        ['a', false],
        ['a', true],
        ['last', false],
      ])
    }),
  )

  on('brings a message back DELIVERY_LIMIT times, then it is dead, and goes on with the next', () =>
    withQueue(setup, async (queue) => {
      const dead = collector()
      const alive = collector()
      const deaths = await queue.consume('dead', 1, dead.handle)
      const consumer = await queue.consume('work', 2, async (delivery) => {
        await alive.handle(delivery)
        if (idOf(delivery) === 'poison') throw new Error('again')
      })
      await queue.publish([{ ...work('poison'), headers: { 'x-kept': 'yes' } }, work('good')], DEADLINE_MS)
      await until(() => dead.got.length > 0)
      await untilLast(queue, alive.ids)
      await untilLast(queue, dead.ids, 'dead')
      await consumer.stop()
      await deaths.stop()
      expect(dead.ids()).toEqual(['poison', 'last'])
      expect(dead.got[0]?.headers['x-kept']).toBe('yes')
      expect(alive.ids().filter((id) => id === 'good')).toHaveLength(1)
      expect(alive.ids().filter((id) => id === 'poison')).toHaveLength(1 + DELIVERY_LIMIT)
    }),
  )

  on('brings a message back after a pause, in which its consumer may come to itself', () =>
    withQueue(setup, async (queue) => {
      const times: number[] = []
      const consumer = await queue.consume('work', 1, async () => {
        if (times.push(performance.now()) < 3) throw new Error('again')
      })
      await queue.publish([work('late')], DEADLINE_MS)
      await until(() => times.length === 3)
      await consumer.stop()
      const [first = 0, second = 0, third = 0] = times
      // Timers may be early by a millisecond.
      expect(Math.min(second - first, third - second)).toBeGreaterThan(REDELIVERY_MS - 10)
    }),
  )

  on('carries what is published to the dead queue, with its reason', () =>
    withQueue(setup, async (queue) => {
      const { got, handle } = collector()
      const message = { id: 'd', to: 'dead', key: 'message.dead', body: 'junk' } as const
      await queue.publish([{ ...message, headers: { 'x-reason': 'no uuid' } }], DEADLINE_MS)
      const consumer = await queue.consume('dead', 1, handle)
      await until(() => got.length === 1)
      await consumer.stop()
      expect(got.map((delivery) => [textOf(delivery), delivery.headers['x-reason']])).toEqual([
        ['"junk"', 'no uuid'],
      ])
    }),
  )

  on('hands out at most `prefetch` at once', () =>
    withQueue(setup, async (queue) => {
      const { state, open, handle } = gate()
      const consumer = await queue.consume('work', 3, handle)
      await queue.publish(
        Array.from({ length: 10 }, (_, i) => work(`m${i}`)),
        DEADLINE_MS,
      )
      await until(() => state.running === 3)
      // By the same connection: what came before it would be there.
      await queue.publish([work('last')], DEADLINE_MS)
      expect(state.started).toBe(3)
      open()
      await until(() => state.done.length === 11)
      await consumer.stop()
      expect(state.most).toBe(3)
    }),
  )

  on('waits at stop() for what runs, takes no more, and leaves the rest to the next consumer', () =>
    withQueue(setup, async (queue) => {
      const { state, open, handle } = gate()
      const consumer = await queue.consume('work', 1, handle)
      await queue.publish([work('a'), work('b'), work('c')], DEADLINE_MS)
      await until(() => state.running === 1)
      const doneAtStop = consumer.stop().then(() => [...state.done])
      await queue.publish([work('d')], DEADLINE_MS)
      open()
      expect(await doneAtStop).toEqual(['a'])
      const { ids, handle: take } = collector()
      const next = await queue.consume('work', 1, take)
      await untilLast(queue, ids)
      await next.stop()
      expect(ids()).toEqual(['b', 'c', 'd', 'last'])
      expect(state.started).toBe(1)
    }),
  )

  on('hands what happens to every listener, from the start that it tells to its stop()', () =>
    withQueue(setup, async (queue) => {
      const [one, two, gaps]: [string[], string[], string[]] = [[], [], []]
      const first = await queue.listen(
        (body) => one.push(textOf({ body })),
        () => gaps.push('one'),
      )
      const second = await queue.listen(
        (body) => two.push(textOf({ body })),
        () => gaps.push('two'),
      )
      await until(() => gaps.length === 2)
      expect(gaps).toEqual(['one', 'two'])
      const message = (id: string) => ({ id, to: 'app', key: 'image.uploaded', body: { id } }) as const
      expect(await queue.publish([message('x')], DEADLINE_MS)).toEqual(new Set(['x']))
      await until(() => one.length === 1 && two.length === 1)
      await first.stop()
      for (const id of ['y', 'z']) await queue.publish([message(id)], DEADLINE_MS)
      await until(() => two.length === 3)
      await second.stop()
      expect([one, two]).toEqual([['{"id":"x"}'], ['{"id":"x"}', '{"id":"y"}', '{"id":"z"}']])
    }),
  )

  on('keeps what happens for the consumer of notifications, and hands it out once', () =>
    withQueue(setup, async (queue) => {
      const message = (id: string) => ({ id, to: 'app', key: 'image.failed', body: { id } }) as const
      await queue.publish([message('early')], DEADLINE_MS)
      const [one, two] = [collector(), collector()]
      const consumers = [
        await queue.consume('notifications', 1, one.handle),
        await queue.consume('notifications', 1, two.handle),
      ]
      await queue.publish([message('late'), work('no event')], DEADLINE_MS)
      const ids = () => [...one.ids(), ...two.ids()].sort()
      await until(() => ids().includes('late'))
      await queue.publish([message('latest')], DEADLINE_MS)
      await until(() => ids().includes('latest'))
      for (const consumer of consumers) await consumer.stop()
      expect(ids()).toEqual(['early', 'late', 'latest'])
    }),
  )

  on('ends with close(), also while a consumer waits for messages', () =>
    withEnvironment(setup, (env) =>
      withQueueOf(env, async (queue) => {
        const { got, handle } = collector()
        await queue.consume('work', 2, handle)
        await queue.publish([work('a')], DEADLINE_MS)
        await until(() => got.length === 1)
        expect(await within(DEADLINE_MS, queue.close())).toBeUndefined()
      }),
    ),
  )
})
