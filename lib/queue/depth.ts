import { setTimeout as delay } from 'node:timers/promises'
import type { ChannelModel } from 'amqplib'
import { openChannel } from './connection.ts'

/** Longest wait for the broker to say it, in ms. */
const DEADLINE_MS = 1_500

/** How many messages wait in a queue and no consumer has; undefined where it is not there, or the broker does not answer. */
export function readDepth(connection: ChannelModel, queueName: string): Promise<number | undefined> {
  const read = async () => {
    // A channel of its own: the broker closes it where there is no such queue.
    const channel = await openChannel(connection, () => {})
    const { messageCount } = await channel.checkQueue(queueName)
    channel.close().catch(() => {})
    return messageCount
  }
  return Promise.race([read().catch(() => undefined), delay(DEADLINE_MS, undefined, { ref: false })])
}
