import type { Context, S3Event } from 'aws-lambda'
import { type App, openApp } from '../app.ts'
import type { QueueConsumer } from '../function.ts'
import { once } from '../once.ts'
import { readFunctionConfig } from './config.ts'
import { lambdaConsumer, type RmqEvent } from './consumer.ts'

/** A consumer of uploads as a Lambda handler for what a bucket sends itself, or through the broker (`aws:rmq`). */
export function lambdaUploads(
  consumer: QueueConsumer<App>,
): (event: S3Event | RmqEvent, context?: Context) => Promise<void> {
  const open = once(() => openApp(readFunctionConfig(process.env)))
  const fromBroker = lambdaConsumer(consumer, openApp)
  return async (event, context) => {
    if (!('Records' in event)) return fromBroker(event, context)
    const body = Buffer.from(JSON.stringify(event))
    await consumer.handle({ body, headers: {}, redelivered: false }, await open())
  }
}
