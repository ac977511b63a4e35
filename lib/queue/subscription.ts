import type { EventEmitter } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { Message as AmqpMessage } from 'amqplib'
import type { Logger } from 'pino'
import type rascal from 'rascal'
import type { Consumer, Handler } from './port.ts'

/** A subscription that could not begin is begun again after this, in ms. */
const SUBSCRIBE_RETRY_MS = 500
/** A message whose handler threw waits this long before it comes back. */
const NACK_DELAY_MS = 500

export type Broker = InstanceType<typeof rascal.BrokerAsPromised>

/** Hands at most `prefetch` messages at once to `handle`; one whose handler throws comes back. */
export async function subscribe(
  broker: Broker,
  from: string,
  prefetch: number,
  handle: Handler,
  log: Logger,
): Promise<Consumer> {
  const running = new Set<Promise<void>>()
  const onMessage = (message: AmqpMessage, body: Uint8Array, ackOrNack: AckOrNack) => {
    const { headers = {} } = message.properties
    const task = handle({ body, headers, redelivered: message.fields.redelivered ?? false })
      .then(() => ackOrNack())
      .catch((error: Error) => {
        log.error({ err: error }, 'message not handled, it comes back')
        ackOrNack(error, { strategy: 'nack', requeue: true, defer: NACK_DELAY_MS })
      })
      .finally(() => running.delete(task))
    running.add(task)
  }
  const cancel = await keepSubscribed(broker, from, { prefetch }, onMessage, log)
  return {
    async stop() {
      await cancel()
      await Promise.all(running)
    },
  }
}

/**
 * Subscribes to what the topology names, with content of whatever kind, and returns how to end it. Rascal begins again
 * when the connection was lost, but not when it was lost before the subscription began: nobody would consume any more.
 */
export async function keepSubscribed(
  broker: Broker,
  name: string,
  options: { prefetch?: number },
  onMessage: (message: AmqpMessage, body: Uint8Array, ackOrNack: AckOrNack) => void,
  log: Logger,
): Promise<() => Promise<void>> {
  let cancelled = false
  const begin = async (): Promise<Session> => {
    const session = await broker.subscribe(name, options)
    let isFirst = true
    // The types do not know `subscribed`.
    const events: EventEmitter = session
    events.on('subscribed', () => {
      isFirst = false
    })
    session.on('error', (error: Error) => {
      log.warn({ err: error.message }, 'consumer interrupted')
      if (isFirst && !cancelled) current = again(session)
      isFirst = false
    })
    session.on('invalid_content', (_error: Error, message: AmqpMessage, ackOrNack: AckOrNack) =>
      onMessage(message, message.content, ackOrNack),
    )
    session.on('message', onMessage)
    return session
  }
  const again = async (failed: Session): Promise<Session | undefined> => {
    await failed.cancel().catch(() => {})
    await delay(SUBSCRIBE_RETRY_MS)
    return cancelled ? undefined : begin().catch(() => undefined)
  }
  let current: Promise<Session | undefined> = begin()
  await current
  return async () => {
    cancelled = true
    await (await current)?.cancel()
  }
}

type Session = Awaited<ReturnType<Broker['subscribe']>>

type AckOrNack = (error?: Error, recovery?: { strategy: 'nack'; requeue: boolean; defer: number }) => void
