import { setTimeout as delay } from 'node:timers/promises'
import type { ChannelModel } from 'amqplib'
import type { Logger } from 'pino'
import { keepTopology } from './declare.ts'
import { readDepth } from './depth.ts'
import { openListener } from './live.ts'
import type { Queue, Source } from './port.ts'
import { openPublisher } from './publisher.ts'
import { openSubscription, type Part } from './subscription.ts'
import { supervise } from './supervise.ts'
import { deadQueue, notificationsQueue, uploadsQueue } from './topology.ts'

type Options = {
  url: string
  queueName: string
  window: number
  topology: 'auto' | 'check'
  log: Logger
  /** Called after each look at the connections, and after each try to connect: where no call comes, the process hangs. */
  onTurn?: () => void
}

/**
 * The queue on RabbitMQ. Rascal declares the topology; connections, consumers and listeners are supervised, and begun
 * again until they are stopped. Opening waits for nothing: it goes on trying to connect until closed.
 */
export function openRabbitMq(options: Options): Queue {
  const { url, queueName, log, onTurn } = options
  const tried = Promise.withResolvers<void>()
  const wake = () => supervision.wake()
  const topology = keepTopology(options)
  const publisher = openPublisher(options, wake)
  const parts = new Set<Part>()
  let current: ChannelModel | undefined
  const supervision = supervise({
    url,
    log,
    async keep({ consuming, publishing }) {
      current = consuming
      await topology.keep(consuming)
      // Who listens hears what is published from now on.
      for (const part of parts) await part.keep(consuming)
      await publisher.keep(publishing)
      tried.resolve()
      await topology.bind(consuming)
    },
    drop() {
      current = undefined
      publisher.drop()
      for (const part of parts) part.drop()
    },
    onTurn() {
      tried.resolve()
      onTurn?.()
    },
  })

  function add<P extends Part & { stop(): Promise<void> }>(part: P) {
    parts.add(part)
    wake()
    return {
      async stop() {
        await part.stop()
        parts.delete(part)
      },
    }
  }

  const queues: Record<Source, string> = {
    work: queueName,
    uploads: uploadsQueue(queueName),
    notifications: notificationsQueue(queueName),
    dead: deadQueue(queueName),
  }

  return {
    window: options.window,
    durable: true,
    isUp: publisher.isUp,
    topology: topology.state,
    pending: publisher.pending,
    depth: async () => current && readDepth(current, queueName),
    async publish(messages, deadlineMs) {
      if (!publisher.isUp()) await Promise.race([tried.promise, delay(deadlineMs, undefined, { ref: false })])
      return publisher.publish(messages, deadlineMs)
    },
    consume: async (from, prefetch, handle) =>
      add(
        openSubscription(
          {
            from,
            queue: queues[from],
            deadQueue: from === 'dead' ? undefined : queues.dead,
            prefetch,
            handle,
            publisher,
            log,
          },
          wake,
        ),
      ),
    listen: async (handle, onGap) => add(openListener({ queueName, handle, onGap, log }, wake)),
    close: () => supervision.close(),
  }
}
