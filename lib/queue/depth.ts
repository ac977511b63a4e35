import { setTimeout as delay } from 'node:timers/promises'
import type { Channel, ConfirmChannel } from 'amqplib/callback_api.js'

/** Longest wait for the broker to say it, in ms. */
const DEADLINE_MS = 1_500

/** A connection of amqplib's callback API. */
export type AmqpConnection = {
  createChannel(done: (error: Error | null, channel: Channel) => void): void
  createConfirmChannel(done: (error: Error | null, channel: ConfirmChannel) => void): void
  close(done: () => void): void
  on(event: 'close' | 'error' | 'blocked' | 'unblocked', listener: () => void): void
}

/** How many messages wait in a queue and no consumer has; undefined where it is not there, or the broker does not answer. */
export function readDepth(connection: AmqpConnection, queueName: string): Promise<number | undefined> {
  const read = new Promise<number | undefined>((resolve) => {
    // A channel of its own: the broker closes it where there is no such queue.
    connection.createChannel((error, channel) => {
      if (error) return resolve(undefined)
      channel.on('error', () => {})
      channel.on('close', () => resolve(undefined))
      channel.checkQueue(queueName, (refused, queue) => {
        resolve(refused ? undefined : queue.messageCount)
        if (!refused) channel.close(() => {})
      })
    })
  })
  return Promise.race([read.catch(() => undefined), delay(DEADLINE_MS, undefined, { ref: false })])
}
