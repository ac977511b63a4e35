import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { ChannelModel, ConfirmChannel, Options } from 'amqplib'
import type { Logger } from 'pino'
import { bytesOf, type Message } from './port.ts'
import { appExchange, deadQueue, WORK_KEY, workExchange } from './topology.ts'

/** A broker that leaves publications without an answer for so long is not there any more, in ms. */
const SILENCE_LIMIT_MS = 5_000

const LATE = Symbol('late')

export type Publisher = ReturnType<typeof openPublisher>

/**
 * Publishes in bulk on a confirm channel, and refuses at once while the broker is away instead of holding messages in
 * memory. `wake` is called when something is to be repaired.
 */
export function openPublisher({ queueName, log }: { queueName: string; log: Logger }, wake: () => void) {
  let channel: ConfirmChannel | undefined
  let known: ChannelModel | undefined
  let isBlocked = false
  let silentSince: number | undefined
  let answers = 0
  let isUnroutable = false
  /** What the broker has and has not answered: it is not sent again meanwhile. */
  const pending = new Map<string, Promise<boolean>>()
  const returned = new Set<string>()

  const noteReturn = (exchange: string, routingKey: string) => {
    if (!isUnroutable) log.warn({ exchange, routingKey }, 'no queue takes what is published')
    isUnroutable = true
    wake()
  }

  /** Whether the broker took a message, and a queue where that is `mandatory`. */
  function send(exchange: string, key: string, content: Buffer, options: Options.Publish): Promise<boolean> {
    const { messageId: given } = options
    const id = given !== undefined && !pending.has(given) ? given : randomUUID()
    const sent = new Promise<boolean>((resolve) => {
      if (!channel) return resolve(false)
      try {
        channel.publish(exchange, key, content, { ...options, messageId: id }, (error) => {
          const wasReturned = returned.delete(id)
          if (!error) {
            answers++
            silentSince = undefined
            if (options.mandatory) isUnroutable = wasReturned
          }
          resolve(!error && !wasReturned)
        })
      } catch {
        // The channel ended a moment ago.
        resolve(false)
      }
    })
    pending.set(id, sent)
    return sent.finally(() => pending.get(id) === sent && pending.delete(id))
  }

  return {
    /** Whether messages get through now. */
    isUp: () => channel !== undefined && !isBlocked && silentSince === undefined,
    pending: pending as ReadonlyMap<string, Promise<boolean>>,

    async publish(messages: readonly Message[], deadlineMs: number): Promise<Set<string>> {
      const confirmed = new Set<string>()
      if (!channel || isBlocked || silentSince !== undefined) return confirmed
      const answersBefore = answers
      const sending = messages.map(async (message) => {
        if (await (pending.get(message.id) ?? send(...publicationOf(message, queueName))))
          confirmed.add(message.id)
      })
      const end = await Promise.race([Promise.all(sending), delay(deadlineMs, LATE, { ref: false })])
      if (end === LATE && answers === answersBefore) silentSince ??= Date.now()
      return new Set(confirmed)
    },

    /** Moves a message as it came, by the default exchange; resolves to whether the queue has it. */
    async move(queue: string, content: Buffer, properties: Options.Publish, deadlineMs: number) {
      if (isBlocked) return false
      const moving = send('', queue, content, { ...properties, mandatory: true, persistent: true })
      return Promise.race([moving, delay(deadlineMs, false, { ref: false })])
    },

    /** Opens the channel where there is none; throws where the broker has been silent for too long. */
    async keep(connection: ChannelModel): Promise<void> {
      if (silentSince !== undefined && !isBlocked && Date.now() - silentSince > SILENCE_LIMIT_MS)
        throw new Error('the broker does not answer publications')
      if (channel) return
      const opened = await connection.createConfirmChannel()
      opened.on('error', (error: Error) => log.warn({ err: error.message }, 'not published, the relay will'))
      let isClosed = false
      opened.on('close', () => {
        isClosed = true
        if (channel !== opened) return
        channel = undefined
        wake()
      })
      opened.on('return', ({ fields, properties }) => {
        returned.add(properties.messageId as string)
        noteReturn(fields.exchange, fields.routingKey)
      })
      if (known !== connection) {
        connection.on('blocked', (reason: string) => {
          log.warn({ reason }, 'the broker takes nothing now')
          isBlocked = true
        })
        connection.on('unblocked', () => {
          isBlocked = false
        })
      }
      known = connection
      if (!isClosed) channel = opened
    },

    /** Forgets a connection that has ended. */
    drop(): void {
      channel = undefined
      isBlocked = false
      silentSince = undefined
      returned.clear()
      pending.clear()
    },
  }
}

/** The property by which a dead message says since when it is dead: in s, as AMQP has it. */
export const diesNow = () => ({ timestamp: Math.floor(Date.now() / 1000) })

type Publication = [exchange: string, key: string, content: Buffer, options: Options.Publish]

function publicationOf(message: Message, queueName: string): Publication {
  const { id, to, key, body, headers } = message
  const options = {
    persistent: true,
    contentType: body instanceof Uint8Array ? 'application/octet-stream' : 'application/json',
    messageId: id,
    headers,
    // Events need no listener.
    mandatory: to !== 'app',
  }
  const content = Buffer.from(bytesOf(message))
  if (to === 'work') return [workExchange(queueName), WORK_KEY, content, options]
  if (to === 'dead') return ['', deadQueue(queueName), content, { ...options, ...diesNow() }]
  return [appExchange(queueName), key, content, options]
}
