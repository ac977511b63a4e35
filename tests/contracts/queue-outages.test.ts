import { expect, test } from 'vitest'
import { isAvailable, SETUPS } from '../support/app.ts'
import { DEADLINE_MS, until } from '../support/service.ts'
import { collector, gate, idOf, textOf, untilLast, within, withProxy, withQueueOf, work } from './support.ts'

const [, SERVERS] = SETUPS

// Side by side: each waits most of its time.
const real = test.skipIf(!isAvailable(SERVERS)).concurrent

real('while the broker is away nothing is confirmed or sent later, and all goes on when it is back', () =>
  withProxy(SERVERS, (env, proxy) =>
    withQueueOf(env, async (queue) => {
      const { ids, handle } = collector()
      await queue.consume('work', 2, handle)
      expect(await queue.publish([work('before')], DEADLINE_MS)).toEqual(new Set(['before']))
      await proxy.cut()
      for (const id of ['at-once', 'after-a-while']) {
        expect(await within(DEADLINE_MS, queue.publish([work(id)], 300))).toEqual(new Set())
        await until(() => !queue.isUp())
      }
      await proxy.restore()
      await until(() => queue.isUp())
      expect(await queue.publish([work('back')], DEADLINE_MS)).toEqual(new Set(['back']))
      await untilLast(queue, ids)
      // What was acknowledged at the moment of the cut may come twice.
      expect(new Set(ids())).toEqual(new Set(['before', 'back', 'last']))
    }),
  ),
)

real('a consumer and a listener that lost the broker before they had begun do begin when it is back', () =>
  withProxy(SERVERS, (env, proxy) =>
    withQueueOf(env, async (queue) => {
      expect(await queue.publish([work('before')], DEADLINE_MS)).toEqual(new Set(['before']))
      const { ids, handle } = collector()
      const heard: string[] = []
      const consumer = await queue.consume('work', 2, handle)
      await proxy.cut()
      await proxy.restore()
      const listener = await queue.listen(
        (body) => heard.push(textOf({ body })),
        () => {},
      )
      await proxy.cut()
      await until(() => !queue.isUp())
      await proxy.restore()
      await until(() => queue.isUp())
      await until(() => ids().includes('before'), DEADLINE_MS)
      await until(async () => {
        await queue.publish([{ id: 'event', to: 'app', key: 'image.failed', body: 'event' }], DEADLINE_MS)
        return heard.length > 0
      }, DEADLINE_MS)
      await within(DEADLINE_MS, consumer.stop())
      await within(DEADLINE_MS, listener.stop())
    }),
  ),
)

real('a message whose consumer lost the broker while handling it comes back', () =>
  withProxy(SERVERS, (env, proxy) =>
    withQueueOf(env, async (queue) => {
      const { state, open, handle: hold } = gate()
      const { got, handle } = collector()
      const consumer = await queue.consume('work', 1, async (delivery) => {
        await handle(delivery)
        await hold(delivery)
      })
      await queue.publish([work('a')], DEADLINE_MS)
      await until(() => state.running === 1)
      await proxy.cut()
      await until(() => !queue.isUp())
      open()
      await proxy.restore()
      await until(() => state.done.length === 2)
      expect(await within(DEADLINE_MS, consumer.stop())).toBeUndefined()
      expect(got.map((delivery) => [idOf(delivery), delivery.redelivered])).toEqual([
        ['a', false],
        ['a', true],
      ])
    }),
  ),
)

real('a listener learns of the gap when the broker is back, and goes on', () =>
  withProxy(SERVERS, (env, proxy) =>
    withQueueOf(env, async (queue) => {
      const [got, gaps]: [string[], number[]] = [[], []]
      const listener = await queue.listen(
        (body) => got.push(textOf({ body })),
        () => gaps.push(got.length),
      )
      const message = (id: string) => ({ id, to: 'app', key: 'image.failed', body: id }) as const
      await queue.publish([message('one')], DEADLINE_MS)
      await until(() => got.length === 1)
      await proxy.cut()
      await until(() => !queue.isUp())
      await proxy.restore()
      await until(() => queue.isUp() && gaps.length >= 2, DEADLINE_MS)
      expect(await queue.publish([message('two')], DEADLINE_MS)).toEqual(new Set(['two']))
      await until(() => got.length === 2)
      await listener.stop()
      expect([got, gaps]).toEqual([
        ['"one"', '"two"'],
        [0, 1],
      ])
    }),
  ),
)

real('what is consumed and published while the broker is away begins when it is there', () =>
  withProxy(SERVERS, async (env, proxy) => {
    await proxy.cut()
    await withQueueOf(env, async (queue) => {
      const { ids, handle } = collector()
      const consumer = await queue.consume('work', 1, handle)
      expect(await within(DEADLINE_MS, queue.publish([work('refused')], 300))).toEqual(new Set())
      expect(queue.isUp()).toBe(false)
      await proxy.restore()
      await until(() => queue.isUp())
      await queue.publish([work('a')], DEADLINE_MS)
      await until(() => ids().length > 0)
      await consumer.stop()
      expect(ids()).toEqual(['a'])
    })
  }),
)

real('close() ends while the broker is away, at the start and later', () =>
  withProxy(SERVERS, async (env, proxy) => {
    await withQueueOf(env, async (queue) => {
      const { handle } = collector()
      await queue.consume('work', 1, handle)
      await queue.publish([work('a')], DEADLINE_MS)
      await proxy.cut()
      await until(() => !queue.isUp())
      expect(await within(DEADLINE_MS, queue.close())).toBeUndefined()
    })
    await withQueueOf(env, async (queue) => {
      expect(await queue.publish([work('b')], 200)).toEqual(new Set())
      expect(await within(DEADLINE_MS, queue.close())).toBeUndefined()
    })
  }),
)
