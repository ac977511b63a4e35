import type { Context } from 'aws-lambda'
import type { App } from '../app.ts'
import type { Config } from '../config/index.ts'
import type { QueueConsumer } from '../function.ts'
import { once } from '../once.ts'
import { settleMarks } from '../outbox/mark-soon.ts'
import type { ReceivedMessage } from '../queue/port.ts'
import { readFunctionConfig } from './config.ts'
import { RESERVE_MS, timeLeft } from './deadline.ts'

/** An Amazon MQ for RabbitMQ event, as far as it is used; `data` is base64. */
export type RmqEvent = {
  eventSource: 'aws:rmq'
  rmqMessagesByQueue: Record<string, RmqMessage[]>
}

type RmqMessage = {
  basicProperties?: { headers?: Record<string, unknown> | null }
  redelivered?: boolean
  data: string
}

/**
 * A consumer as a Lambda handler for `aws:rmq` batches. Throws, so that the batch comes back whole, if a message failed
 * or if time ran out before the last; those that were handled are then acknowledged and ignored.
 */
export function lambdaConsumer<A extends App>(
  consumer: QueueConsumer<A>,
  openWith: (config: Config) => Promise<A>,
): (event: RmqEvent, context?: Context) => Promise<void> {
  const open = once(() => openWith(readFunctionConfig(process.env)))
  return async (event, context) => {
    if (event?.eventSource !== 'aws:rmq' || typeof event.rmqMessagesByQueue !== 'object')
      throw new TypeError('This function takes events of Amazon MQ for RabbitMQ (aws:rmq)')
    const app = await open()
    const waiting = Object.values(event.rmqMessagesByQueue).flat()
    const failed: unknown[] = []
    const work = async () => {
      while (waiting.length > 0 && timeLeft(context) > RESERVE_MS) {
        const message = waiting.shift() as RmqMessage
        await consumer.handle(toReceived(message), app).catch((error) => failed.push(error))
      }
    }
    await Promise.all(Array.from({ length: app.config.prefetch }, work))
    await settleMarks(app.db)
    const left = failed.length + waiting.length
    if (left > 0) throw new AggregateError(failed, `${left} messages come back`)
  }
}

const toReceived = ({ basicProperties, redelivered = false, data }: RmqMessage): ReceivedMessage => ({
  body: Buffer.from(data, 'base64'),
  headers: Object.fromEntries(Object.entries(basicProperties?.headers ?? {}).map(toText)),
  redelivered,
})

/** A text among the headers comes as `{bytes: [...]}`. */
function toText([name, value]: [string, unknown]): [string, unknown] {
  const bytes = (value as { bytes?: unknown } | null)?.bytes
  return [name, Array.isArray(bytes) ? Buffer.from(bytes).toString() : value]
}
