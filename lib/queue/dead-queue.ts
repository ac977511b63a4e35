import type { ConfirmChannel, GetMessage } from 'amqplib'
import { connect, disconnect } from './connection.ts'
import type { Source } from './port.ts'
import { deadQueue, notificationsQueue, uploadsQueue } from './topology.ts'

/** A message that nobody understood; `bytes` are those of the whole, of which `body` may be only the beginning. */
export type DeadMessage = {
  id: string | undefined
  /** When it was published to the dead queue, in ms; undefined where it does not say. */
  at: number | undefined
  from: string
  reason: string
  body: Uint8Array
  bytes: number
}

/** What happens to a dead message: it stays, goes back to where it came from, goes for good; or it stays with all behind it. */
type Fate = 'keep' | 'replay' | 'drop' | 'stop'

export type DeadMessages = {
  /**
   * Decides about at most so many, oldest first. One that cannot be replayed stays, whatever `decide` says. Returns how many
   * were replayed or dropped.
   */
  each(most: number, decide: (message: DeadMessage) => Fate): Promise<number>
  close(): Promise<void>
}

/**
 * The dead queue of a deployment. A message is taken out only after it has been published again and confirmed: a process that dies
 * in between leaves it there.
 */
export async function openDeadQueue(options: { url: string; queueName: string }): Promise<DeadMessages> {
  const { url, queueName } = options
  // Who uses the channel is told by a rejection.
  const connection = await connect(url, () => {})
  return {
    async each(most, decide) {
      const channel = await connection.createConfirmChannel()
      channel.on('error', () => {})
      const queue = deadQueue(queueName)
      // What dies again meanwhile is not decided about again.
      const { messageCount } = await channel.checkQueue(queue)
      let done = 0
      for (let left = Math.min(most, messageCount); left > 0; left--) {
        const message = await channel.get(queue)
        if (!message) break
        const dead = toDeadMessage(message, queueName)
        const fate = decide(dead)
        if (fate === 'stop') break
        if (fate === 'keep' || (fate === 'replay' && !(await replay(channel, message, dead)))) continue
        channel.ack(message)
        done++
      }
      // What is not acknowledged goes back to its place.
      await channel.close()
      return done
    },
    close: () => disconnect(connection),
  }
}

function toDeadMessage({ content, properties }: GetMessage, queueName: string): DeadMessage {
  const headers = (properties.headers ?? {}) as Record<string, unknown>
  const [death] = (headers['x-death'] ?? []) as { queue?: string; reason?: string }[]
  const source = headers['x-source'] as Source | undefined
  return {
    id: properties.messageId as string | undefined,
    at: Number(properties.timestamp) * 1000 || undefined,
    from: death?.queue ?? queueOf(source, queueName),
    reason: String(headers['x-reason'] ?? death?.reason ?? 'unknown'),
    body: content,
    bytes: Number(headers['x-bytes'] ?? content.length),
  }
}

function queueOf(source: Source | undefined, queueName: string): string {
  if (source === 'uploads') return uploadsQueue(queueName)
  return source === 'notifications' ? notificationsQueue(queueName) : queueName
}

/** Publishes a message to where it came from; false where it is not whole, or no queue took it. */
async function replay(
  channel: ConfirmChannel,
  { properties }: GetMessage,
  dead: DeadMessage,
): Promise<boolean> {
  if (dead.bytes > dead.body.byteLength) return false
  const traceparent = properties.headers?.traceparent as unknown
  const options = {
    persistent: true,
    mandatory: true,
    ...(dead.id !== undefined && { messageId: dead.id }),
    headers: traceparent === undefined ? {} : { traceparent },
  }
  let isReturned = false
  const onReturn = () => {
    isReturned = true
  }
  channel.once('return', onReturn)
  channel.sendToQueue(dead.from, Buffer.from(dead.body), options)
  await channel.waitForConfirms()
  channel.off('return', onReturn)
  return !isReturned
}
