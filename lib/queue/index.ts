import type { Logger } from 'pino'
import type { Config } from '../config/index.ts'
import type { Supervision } from '../supervision.ts'
import type { Queue } from './port.ts'

type Options = Pick<Config, 'rabbitmqUrl' | 'queueName' | 'queueWindow' | 'topology'>

/** A look at the broker, or a try to reach it, ends within 15 s: who has not looked for so long, in ms, hangs. */
const BROKER_MS = 60_000

/** Opens the queue that the configuration names: RabbitMQ, which is looked after under `supervision`, or else one within this process. */
export async function openQueue(config: Options, log: Logger, supervision?: Supervision): Promise<Queue> {
  const { rabbitmqUrl: url, queueName, queueWindow: window, topology } = config
  if (!url) return (await import('./memory.ts')).openMemoryQueue(window)
  const { openRabbitMq } = await import('./rabbitmq.ts')
  const watched = supervision?.watch('broker', BROKER_MS)
  const queue = openRabbitMq({ url, queueName, window, topology, log, onTurn: watched?.turned })
  return {
    ...queue,
    async close() {
      watched?.end()
      await queue.close()
    },
  }
}
