import { setTimeout as delay } from 'node:timers/promises'
import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib'
import type { Logger } from 'pino'
import { briefly, openChannel, refusalOf } from './connection.ts'
import { type Consumer, DELIVERY_LIMIT, type Handler, REDELIVERY_MS, type Source } from './port.ts'
import { diesNow, type Publisher } from './publisher.ts'

/** Longest wait for the confirm of a message that is put back, in ms. */
const RETURN_DEADLINE_MS = 5_000

/** Header of a message that was put back: how often. A requeue would not count on a classic queue. */
const RETURNS = 'x-returns'

/** What is kept up on a connection: begun where it is not, and forgotten with the connection. */
export type Part = { keep(connection: ChannelModel): Promise<void>; drop(): void }

type Options = {
  from: Source
  queue: string
  /** Where a message goes that has come back `DELIVERY_LIMIT` times; undefined: it comes back for ever. */
  deadQueue: string | undefined
  prefetch: number
  handle: Handler
  publisher: Publisher
  log: Logger
}

/** Hands at most `prefetch` messages at once to `handle`, on whatever connection there is; `wake` is called when it has to begin anew. */
export function openSubscription(options: Options, wake: () => void): Part & Consumer {
  const { from, queue, deadQueue, prefetch, handle, publisher, log } = options
  const running = new Set<Promise<void>>()
  let current: { channel: Channel; tag: string } | undefined
  let isStopped = false
  let refused: string | undefined

  const begin = async (connection: ChannelModel) => {
    let isClosed = false
    const channel = await openChannel(connection, () => {
      isClosed = true
      if (current?.channel !== channel) return
      current = undefined
      if (isStopped) return
      log.warn({ queue }, 'consumer interrupted')
      wake()
    })
    await channel.prefetch(prefetch)
    const { consumerTag: tag } = await channel.consume(queue, (message) => {
      if (message) take(channel, message)
      // The broker ended the consumer: its queue is gone.
      else void briefly(() => channel.close())
    })
    if (isClosed) return wake()
    if (isStopped) return briefly(() => channel.close())
    current = { channel, tag }
    refused = undefined
  }

  const take = (channel: Channel, message: ConsumeMessage) => {
    // It was under way when the consumer was cancelled.
    if (isStopped) return settle(() => channel.nack(message))
    const task = receive(channel, message).finally(() => running.delete(task))
    running.add(task)
  }

  const receive = async (channel: Channel, message: ConsumeMessage) => {
    const { headers = {} } = message.properties
    const redelivered = message.fields.redelivered || returnsOf(message) > 0
    let isDone = true
    try {
      await handle({ body: message.content, headers, redelivered })
    } catch (error) {
      log.error({ err: error }, 'message not handled, it comes back')
      await delay(REDELIVERY_MS)
      isDone = await putBack(message)
    }
    settle(() => (isDone ? channel.ack(message) : channel.nack(message)))
  }

  const putBack = async (message: ConsumeMessage) => {
    if (deadQueue === undefined) return false
    // The broker takes a user only from that user, and sends a copy to each queue in `CC`.
    const { userId: _user, headers = {}, ...properties } = message.properties
    const { [RETURNS]: _returns, CC: _copies, ...kept } = headers
    const returns = returnsOf(message)
    const isDead = returns >= DELIVERY_LIMIT
    const more = isDead
      ? { 'x-reason': `came back ${returns} times`, 'x-source': from }
      : { [RETURNS]: returns + 1 }
    return publisher.move(
      isDead ? deadQueue : queue,
      message.content,
      { ...properties, ...(isDead && diesNow()), headers: { ...kept, ...more } },
      RETURN_DEADLINE_MS,
    )
  }

  const cancel = async () => {
    const { channel, tag } = current ?? {}
    if (channel && tag) await briefly(() => channel.cancel(tag))
  }

  return {
    async keep(connection) {
      if (isStopped) return
      try {
        // Changes nothing, and fails where the channel has ended unnoticed.
        if (current) await current.channel.prefetch(prefetch)
        else await begin(connection)
      } catch (error) {
        const refusal = refusalOf(error)
        if (refusal === undefined) throw error
        if (refusal !== refused) log.error({ queue, refusal }, 'cannot consume, trying again')
        refused = refusal
      }
    },
    drop() {
      current = undefined
    },
    async stop() {
      isStopped = true
      await cancel()
      await Promise.all(running)
      const { channel } = current ?? {}
      if (channel) await briefly(() => channel.close())
    },
  }
}

/** Where the channel has ended, the broker delivers the message again by itself. */
function settle(answer: () => void): void {
  try {
    answer()
  } catch {}
}

const returnsOf = ({ properties }: Pick<ConsumeMessage, 'properties'>): number =>
  Number(properties.headers?.[RETURNS]) || 0
