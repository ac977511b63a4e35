import { expect, test } from 'vitest'
import { isAvailable, SETUPS } from '../support/app.ts'
import { DEADLINE_MS, until } from '../support/service.ts'
import { collector, withQueue, withStranger, work } from './support.ts'

const [, SERVERS] = SETUPS

const real = test.skipIf(!isAvailable(SERVERS))

real('the broker holds durable queues without arguments, and both exchanges', () =>
  withQueue(SERVERS, async (queue, env) => {
    const name = env.QUEUE_NAME ?? ''
    await queue.publish([work('a')], DEADLINE_MS)
    await withStranger(env, async (stranger) => {
      const channel = await stranger.createChannel()
      const durable = { durable: true }
      // An assertion that differs from what there is fails.
      for (const queue of [`${name}.dead`, `${name}.s3-events`, `${name}.photo-notifications`])
        expect(await channel.assertQueue(queue, durable)).toMatchObject({ messageCount: 0 })
      expect(await channel.assertQueue(name, durable)).toMatchObject({ messageCount: 1 })
      expect(await channel.assertExchange(`${name}.image-processing`, 'direct', durable)).toBeDefined()
      expect(await channel.assertExchange(`${name}.photo-app`, 'topic', durable)).toBeDefined()
      expect(await channel.get(name, { noAck: true })).toMatchObject({
        properties: { deliveryMode: 2, contentType: 'application/json', messageId: 'a' },
        content: Buffer.from('{"id":"a"}'),
      })
    })
  }),
)

real("another program's messages are delivered as the bytes they are, whatever they are called", () =>
  withQueue(SERVERS, async (queue, env) => {
    const { got, handle } = collector()
    const consumer = await queue.consume('work', 1, handle)
    await until(() => queue.isUp())
    const sent = {
      straight: Buffer.from('plain'),
      broken: Buffer.from('{"photo_uuid":'),
      binary: Buffer.from([0, 255, 128, 10]),
      empty: Buffer.alloc(0),
      routed: Buffer.from(`"${env.QUEUE_NAME}"`),
    }
    const json = { contentType: 'application/json' }
    await withStranger(env, async (stranger) => {
      const channel = await stranger.createConfirmChannel()
      const name = env.QUEUE_NAME ?? ''
      channel.sendToQueue(name, sent.straight)
      channel.sendToQueue(name, sent.broken, json)
      channel.sendToQueue(name, sent.binary, { ...json, contentEncoding: 'utf-8' })
      channel.sendToQueue(name, sent.empty, { contentType: 'text/plain' })
      channel.publish(`${name}.image-processing`, 'image-processing-queue', sent.routed, json)
      await channel.waitForConfirms()
    })
    await until(() => got.length >= 5)
    await consumer.stop()
    expect(got.map(({ body }) => Buffer.from(body))).toEqual(Object.values(sent))
    expect(got.every(({ redelivered }) => !redelivered)).toBe(true)
  }),
)
