import type rascal from 'rascal'
import { DELIVERY_LIMIT } from './index.ts'

export const WORK_EXCHANGE = 'image-processing'
export const WORK_KEY = 'image-processing-queue'
export const APP_EXCHANGE = 'photo-app'

/** Bodies come as bytes, whatever their sender calls them: what they mean is judged by the consumer. */
const RAW = 'application/octet-stream'
/** Longest wait at shutdown for handlers that run. */
const CLOSE_TIMEOUT_MS = 30_000

export const deadQueue = (queueName: string) => `${queueName}.dead`

/**
 * The routing key of our own messages. A deployment with a queue of another name on the same broker has its own
 * key, so that it does not get ours; what other programs send to `WORK_KEY` reaches all.
 */
export const workKey = (queueName: string) => (queueName === 'photo-processor' ? WORK_KEY : queueName)

/** Everything that the broker holds for the service, as data: exchanges, queues, bindings, how to reconnect. */
export function topology(options: { url: string; queueName: string; prefetch: number }): rascal.BrokerConfig {
  const { url, queueName, prefetch } = options
  const dead = deadQueue(queueName)
  const quorum = { 'x-queue-type': 'quorum' }
  return {
    // Per connection it is ignored; as a default it works. A broker that comes back is found within 2 s.
    defaults: {
      vhosts: { connection: { retry: { min: 200, max: 1_500, factor: 1.5, strategy: 'exponential' } } },
    },
    vhosts: {
      '/': {
        connection: { url, options: { heartbeat: 10 }, socketOptions: { timeout: 5_000 } },
        exchanges: {
          [WORK_EXCHANGE]: { type: 'direct', options: { durable: true } },
          [APP_EXCHANGE]: { type: 'topic', options: { durable: true } },
        },
        queues: {
          [queueName]: {
            options: {
              durable: true,
              arguments: {
                ...quorum,
                'x-delivery-limit': DELIVERY_LIMIT,
                'x-dead-letter-exchange': '',
                'x-dead-letter-routing-key': dead,
              },
            },
          },
          [dead]: { options: { durable: true, arguments: quorum } },
        },
        bindings: [...new Set([WORK_KEY, workKey(queueName)])].map((key) => ({
          source: WORK_EXCHANGE,
          destination: queueName,
          destinationType: 'queue',
          bindingKey: key,
        })),
        subscriptions: {
          work: { queue: queueName, prefetch, contentType: RAW, closeTimeout: CLOSE_TIMEOUT_MS },
          dead: { queue: dead, prefetch, contentType: RAW, closeTimeout: CLOSE_TIMEOUT_MS },
        },
      },
    },
  } as rascal.BrokerConfig
}
