import amqplib from 'amqplib'
import { expect } from 'vitest'
import { processPhotoMessage } from '../../../functions/consumers/process-photo.ts'
import type { App } from '../../../lib/app.ts'
import type { ReceivedMessage } from '../../../lib/queue/port.ts'
import type { WorkerApp } from '../../../lib/worker.ts'
import { DEADLINE_MS, until } from '../../support/service.ts'

/** Sends messages as another program does, and consumes until each has been handled. */
export async function deliver(app: WorkerApp, bodies: readonly (Uint8Array | string)[]): Promise<void> {
  if (!app.config.rabbitmqUrl) {
    for (const body of bodies) {
      await processPhotoMessage.handle({ body: Buffer.from(body), headers: {}, redelivered: false }, app)
    }
    return
  }
  let handled = 0
  const consumer = await app.queue.consume('work', 4, async (delivery) => {
    await processPhotoMessage.handle(delivery, app)
    handled++
  })
  // What is sent to a queue that is not there yet is lost.
  await until(() => app.queue.isUp())
  await sendRaw(app, app.config.rabbitmqUrl, bodies)
  await until(() => handled >= bodies.length)
  await consumer.stop()
  expect(handled).toBe(bodies.length)
  expect(await taken(app, 'work')).toEqual([])
}

async function sendRaw(
  { config }: App,
  url: string,
  bodies: readonly (Uint8Array | string)[],
): Promise<void> {
  const connection = await amqplib.connect(url)
  const channel = await connection.createConfirmChannel()
  for (const body of bodies) channel.sendToQueue(config.queueName, Buffer.from(body))
  await channel.waitForConfirms()
  await connection.close()
}

/** The text of a message that comes after all others, and is dead. */
export const LAST = 'last'

/** What lies in a queue, taken out of it. */
export async function taken(app: App, from: 'work' | 'dead'): Promise<ReceivedMessage[]> {
  const deliveries: ReceivedMessage[] = []
  const consumer = await app.queue.consume(from, 100, async (delivery) => void deliveries.push(delivery))
  await app.queue.publish([{ id: LAST, to: from, key: '', body: LAST }], DEADLINE_MS)
  const isLast = ({ body }: ReceivedMessage) => Buffer.from(body).toString() === JSON.stringify(LAST)
  await until(() => deliveries.some(isLast))
  await consumer.stop()
  return deliveries.filter((delivery) => !isLast(delivery))
}
