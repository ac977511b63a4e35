import { expect, test } from 'vitest'
import { isAvailable, SETUPS } from '../support/app.ts'
import { DEADLINE_MS, until } from '../support/service.ts'
import { collector, withQueue, withStranger, work } from './support.ts'

const [, SERVERS] = SETUPS

const real = test.skipIf(!isAvailable(SERVERS))

real('the broker holds quorum queues with a delivery limit of 5, a dead queue and both exchanges', () =>
  withQueue(SERVERS, async (queue, env) => {
    const name = env.QUEUE_NAME ?? ''
    await queue.publish([work('a')], DEADLINE_MS)
    await withStranger(env, async (stranger) => {
      const assertQueue = async (of: string, more: object) => {
        const channel = await stranger.createChannel()
        channel.on('error', () => {})
        const options = { durable: true, arguments: { 'x-queue-type': 'quorum', ...more } }
        return channel.assertQueue(of, options)
      }
      const dead = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': `${name}.dead` }
      // An assertion that differs from what there is fails.
      await expect(assertQueue(name, { ...dead, 'x-delivery-limit': 4 })).rejects.toThrow('PRECONDITION')
      expect(await assertQueue(name, { ...dead, 'x-delivery-limit': 5 })).toMatchObject({ messageCount: 1 })
      expect(await assertQueue(`${name}.dead`, {})).toMatchObject({ messageCount: 0 })
      const notifications = { ...dead, 'x-delivery-limit': 5 }
      expect(await assertQueue(`${name}.photo-notifications`, notifications)).toMatchObject({
        messageCount: 0,
      })
      const channel = await stranger.createChannel()
      const options = { durable: true }
      expect(await channel.assertExchange(`${name}.image-processing`, 'direct', options)).toBeDefined()
      expect(await channel.assertExchange(`${name}.photo-app`, 'topic', options)).toBeDefined()
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
