import type { Logger } from 'pino'
import type { Config } from '../config/index.ts'
import type { Queue } from './port.ts'

type Options = Pick<Config, 'rabbitmqUrl' | 'queueName' | 'queueWindow' | 'topology'>

/** Opens the queue that the configuration names: RabbitMQ, or else one within this process. */
export async function openQueue(config: Options, log: Logger): Promise<Queue> {
  const { rabbitmqUrl: url, queueName, queueWindow: window, topology } = config
  if (!url) return (await import('./memory.ts')).openMemoryQueue(window)
  return (await import('./rabbitmq.ts')).openRabbitMq({ url, queueName, window, topology, log })
}
