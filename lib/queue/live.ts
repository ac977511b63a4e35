import { randomUUID } from 'node:crypto'
import type { Channel, ChannelModel } from 'amqplib'
import type { Logger } from 'pino'
import { briefly, openChannel, refusalOf } from './connection.ts'
import type { Consumer } from './port.ts'
import type { Part } from './subscription.ts'
import { appExchange, EVENT_KEYS } from './topology.ts'

type Options = {
  queueName: string
  handle: (body: Uint8Array) => void
  onGap: () => void
  log: Logger
}

/**
 * Hands each event to `handle`, from a queue of this process alone that goes with its connection. Whenever the queue had
 * to be made anew, messages may have been missed.
 */
export function openListener(options: Options, wake: () => void): Part & Consumer {
  const { queueName, handle, onGap, log } = options
  const exchange = appExchange(queueName)
  let current: { channel: Channel; queue: string } | undefined
  let isStopped = false
  let refused: string | undefined

  const begin = async (connection: ChannelModel) => {
    const queue = `live:${randomUUID()}`
    const channel = await openChannel(connection, () => {
      if (current?.channel !== channel) return
      current = undefined
      wake()
    })
    await channel.assertQueue(queue, { exclusive: true, autoDelete: true, durable: false })
    await bind(channel, queue)
    const take = (message: { content: Buffer } | null) => {
      if (message) handle(message.content)
      else void briefly(() => channel.close())
    }
    await channel.consume(queue, take, { noAck: true })
    current = { channel, queue }
    refused = undefined
    onGap()
  }

  const bind = async (channel: Channel, queue: string) => {
    for (const key of EVENT_KEYS) await channel.bindQueue(queue, exchange, key)
  }

  return {
    async keep(connection) {
      if (isStopped) return
      try {
        // An exchange that was deleted and made again has lost its bindings.
        if (current) await bind(current.channel, current.queue)
        else await begin(connection)
      } catch (error) {
        const refusal = refusalOf(error)
        if (refusal === undefined) throw error
        if (refusal !== refused)
          log.warn({ refusal }, 'cannot listen to events, reading them from the database')
        refused = refusal
        onGap()
      }
    },
    drop() {
      current = undefined
    },
    async stop() {
      isStopped = true
      const { channel } = current ?? {}
      current = undefined
      if (channel) await briefly(() => channel.close())
    },
  }
}
