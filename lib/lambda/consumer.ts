import { readConfig } from '../config.ts'
import type { QueueConsumer } from '../function.ts'
import { once } from '../once.ts'
import { openWorkerApp, type WorkerApp } from '../worker.ts'

/** An Amazon MQ for RabbitMQ event, as far as it is used; `data` is base64. */
export type RmqEvent = {
  eventSource: 'aws:rmq'
  rmqMessagesByQueue: Record<
    string,
    { basicProperties?: { headers?: Record<string, unknown> | null }; redelivered?: boolean; data: string }[]
  >
}

/** A consumer as a Lambda handler for `aws:rmq` batches. Throws, so that the batch comes back whole, if any message must. */
export function lambdaConsumer(consumer: QueueConsumer<WorkerApp>): (event: RmqEvent) => Promise<void> {
  const open = once(() => openWorkerApp(readConfig(process.env)))
  return async (event) => {
    if (event?.eventSource !== 'aws:rmq') throw new TypeError('This function takes aws:rmq events')
    const app = await open()
    const messages = Object.values(event.rmqMessagesByQueue).flat()
    const results = await Promise.allSettled(
      messages.map(({ basicProperties, redelivered = false, data }) =>
        consumer.handle(
          { body: Buffer.from(data, 'base64'), headers: basicProperties?.headers ?? {}, redelivered },
          app,
        ),
      ),
    )
    const failed = results.filter((result) => result.status === 'rejected')
    if (failed.length > 0)
      throw new AggregateError(
        failed.map(({ reason }) => reason),
        `${failed.length} messages come back`,
      )
  }
}
