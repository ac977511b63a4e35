import type rascal from 'rascal'
import { DELIVERY_LIMIT } from './port.ts'

/** Routing key of the messages to workers, ours and other programs'. */
export const WORK_KEY = 'image-processing-queue'

/** Binding key of the queues that get every event. */
const EVENT_KEYS = 'image.*'

export const DEFAULT_NAME = 'photo-processor'

/** Bodies come as bytes, whatever their sender calls them: what they mean is judged by the consumer. */
const RAW = 'application/octet-stream'
/** Longest wait at shutdown for handlers that run. */
const CLOSE_TIMEOUT_MS = 30_000

/** What a deployment has besides its queue; one with a queue of another name shares nothing on the same broker. */
const own = (queueName: string, name: string) => (queueName === DEFAULT_NAME ? name : `${queueName}.${name}`)

export const workExchange = (queueName: string) => own(queueName, 'image-processing')
export const appExchange = (queueName: string) => own(queueName, 'photo-app')
export const uploadsQueue = (queueName: string) => own(queueName, 's3-events')
export const notificationsQueue = (queueName: string) => own(queueName, 'photo-notifications')
export const deadQueue = (queueName: string) => `${queueName}.dead`

const QUORUM = { 'x-queue-type': 'quorum' }

const limited = (dead: string) => ({
  ...QUORUM,
  'x-delivery-limit': DELIVERY_LIMIT,
  'x-dead-letter-exchange': '',
  'x-dead-letter-routing-key': dead,
})

// Per connection it is ignored; as a default it works. A broker that comes back is found within 2 s.
const DEFAULTS = {
  defaults: {
    vhosts: { connection: { retry: { min: 200, max: 1_500, factor: 1.5, strategy: 'exponential' } } },
  },
}

const connectionTo = (url: string) => ({ url, options: { heartbeat: 10 }, socketOptions: { timeout: 5_000 } })

/** Everything that the broker holds for the service, as data: exchanges, queues, bindings, how to reconnect. */
export function topology(options: { url: string; queueName: string; prefetch: number }): rascal.BrokerConfig {
  const { url, queueName, prefetch } = options
  const dead = deadQueue(queueName)
  const uploads = uploadsQueue(queueName)
  const notifications = notificationsQueue(queueName)
  return {
    ...DEFAULTS,
    vhosts: {
      '/': {
        connection: connectionTo(url),
        exchanges: {
          [workExchange(queueName)]: { type: 'direct', options: { durable: true } },
          [appExchange(queueName)]: { type: 'topic', options: { durable: true } },
        },
        queues: {
          [queueName]: {
            options: {
              durable: true,
              arguments: limited(dead),
            },
          },
          [dead]: { options: { durable: true, arguments: QUORUM } },
          [uploads]: { options: { durable: true, arguments: limited(dead) } },
          [notifications]: { options: { durable: true, arguments: limited(dead) } },
        },
        bindings: [
          {
            source: workExchange(queueName),
            destination: queueName,
            destinationType: 'queue',
            bindingKey: WORK_KEY,
          },
          {
            source: appExchange(queueName),
            destination: notifications,
            destinationType: 'queue',
            bindingKey: EVENT_KEYS,
          },
        ],
        subscriptions: {
          work: { queue: queueName, prefetch, contentType: RAW, closeTimeout: CLOSE_TIMEOUT_MS },
          uploads: { queue: uploads, prefetch, contentType: RAW, closeTimeout: CLOSE_TIMEOUT_MS },
          notifications: {
            queue: notifications,
            prefetch,
            contentType: RAW,
            closeTimeout: CLOSE_TIMEOUT_MS,
          },
          dead: { queue: dead, prefetch, contentType: RAW, closeTimeout: CLOSE_TIMEOUT_MS },
        },
      },
    },
  } as rascal.BrokerConfig
}

/** The queue of a process that has clients: it gets every event, and goes with its connection. */
export function liveTopology(options: { url: string; queueName: string }): rascal.BrokerConfig {
  const exchange = appExchange(options.queueName)
  return {
    ...DEFAULTS,
    vhosts: {
      '/': {
        connection: connectionTo(options.url),
        exchanges: { [exchange]: { type: 'topic', options: { durable: true } } },
        queues: { [LIVE]: { replyTo: true, options: { exclusive: true, autoDelete: true, durable: false } } },
        bindings: [{ source: exchange, destination: LIVE, destinationType: 'queue', bindingKey: EVENT_KEYS }],
        subscriptions: {
          [LIVE]: { queue: LIVE, contentType: RAW, prefetch: 1000, options: { noAck: true } },
        },
      },
    },
  } as rascal.BrokerConfig
}

/** Name of the subscription, and the beginning of the queue's name. */
export const LIVE = 'live'
