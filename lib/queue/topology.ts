import { DEFAULT_QUEUE_NAME } from '../config/index.ts'

/** Routing key of the messages to workers, ours and other programs'. */
export const WORK_KEY = 'image-processing-queue'

/**
 * Binding keys of the queues that get every event. An exchange that another program declared may be a direct one, which
 * knows no wildcard: so each routing key is bound by itself too.
 */
export const EVENT_KEYS = [
  'image.*',
  'image.processing',
  'image.retrying',
  'image.uploaded',
  'image.failed',
  'image.deleted',
]

/** What a deployment has besides its queue; one with a queue of another name shares nothing on the same broker. */
const own = (queueName: string, name: string) =>
  queueName === DEFAULT_QUEUE_NAME ? name : `${queueName}.${name}`

export const workExchange = (queueName: string) => own(queueName, 'image-processing')
export const appExchange = (queueName: string) => own(queueName, 'photo-app')
export const uploadsQueue = (queueName: string) => own(queueName, 's3-events')
export const notificationsQueue = (queueName: string) => own(queueName, 'photo-notifications')
export const deadQueue = (queueName: string) => `${queueName}.dead`

/** One key by which messages of an exchange reach a queue. */
type Binding = { source: string; destination: string; destinationType: 'queue'; bindingKey: string }

/**
 * Everything that the broker holds for the service: durable and without arguments, as clients of the exchanges declare
 * them. Dead messages are published by the service itself.
 */
export function topology(queueName: string) {
  const [work, app] = [workExchange(queueName), appExchange(queueName)]
  const notifications = notificationsQueue(queueName)
  const bind = (source: string, destination: string, bindingKey: string): Binding => ({
    source,
    destination,
    destinationType: 'queue',
    bindingKey,
  })
  return {
    exchanges: { [work]: 'direct', [app]: 'topic' } as Record<string, 'direct' | 'topic'>,
    queues: [queueName, deadQueue(queueName), uploadsQueue(queueName), notifications],
    bindings: [bind(work, queueName, WORK_KEY), ...EVENT_KEYS.map((key) => bind(app, notifications, key))],
  }
}
