import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import amqplib, { type Channel, type ChannelModel } from 'amqplib'

/** Longest silence of a broker that is being connected to, in ms. */
const CONNECT_TIMEOUT_MS = 5_000
/** Longest wait for the broker's answer when something is closed, in ms. */
const CLOSE_TIMEOUT_MS = 2_000
/** In s; the broker ends a connection that is silent for twice as long, and only then delivers again what that had. */
const HEARTBEAT_S = 5

/** Connects to the broker; `onLost` is called with the reason when the connection has ended. */
export async function connect(url: string, onLost: (why: string) => void): Promise<ChannelModel> {
  const address = new URL(url)
  if (!address.searchParams.has('heartbeat')) address.searchParams.set('heartbeat', String(HEARTBEAT_S))
  const connection = await amqplib.connect(address.href, {
    timeout: CONNECT_TIMEOUT_MS,
    noDelay: true,
    keepAlive: true,
    keepAliveDelay: HEARTBEAT_S * 1_000,
  })
  connection.on('error', (error: Error) => onLost(error.message))
  connection.on('close', () => onLost('the broker closed the connection'))
  return connection
}

/** Ends a connection, in the order of the protocol where the broker still answers. */
export async function disconnect(connection: ChannelModel): Promise<void> {
  await briefly(() => connection.close())
  abandon(connection)
}

/** Ends a connection of which no answer is expected. */
export function abandon(connection: ChannelModel): void {
  // The types do not know the socket. Without an error amqplib does not notice that it is gone.
  const { stream } = connection.connection as unknown as { stream: Socket }
  if (!stream.destroyed) stream.destroy(new Error('given up'))
}

/** Runs what closes something, and waits for it, but not for a broker that is silent or gone. */
export async function briefly(close: () => Promise<unknown>): Promise<void> {
  await Promise.race([
    (async () => close())().catch(() => {}),
    delay(CLOSE_TIMEOUT_MS, undefined, { ref: false }),
  ])
}

/** Opens a channel; `onClosed` is called when it has ended, whoever ended it. */
export async function openChannel(connection: ChannelModel, onClosed: () => void): Promise<Channel> {
  const channel = await connection.createChannel()
  // The operation that was refused rejects; `close` follows.
  channel.on('error', () => {})
  channel.on('close', onClosed)
  return channel
}

/** ACCESS_REFUSED, NOT_FOUND, RESOURCE_LOCKED, PRECONDITION_FAILED: the broker ends the channel and says why. */
const REFUSALS = [403, 404, 405, 406]

/** What the broker said when it refused an operation; undefined where the operation failed for another reason. */
export function refusalOf(error: unknown): string | undefined {
  const { code, message = '' } = error as { code?: unknown; message?: string }
  if (!REFUSALS.includes(code as number)) return undefined
  return /with message "(.*)"$/.exec(message)?.[1] ?? message
}

/** Asks the broker one thing after the other, and returns what it refused: each refusal costs a channel. */
export function openInspector(connection: ChannelModel) {
  let channel: Channel | undefined
  return {
    async refusal(operation: (channel: Channel) => Promise<unknown>): Promise<string | undefined> {
      channel ??= await openChannel(connection, () => {
        channel = undefined
      })
      try {
        await operation(channel)
        return undefined
      } catch (error) {
        channel = undefined
        const refusal = refusalOf(error)
        if (refusal === undefined) throw error
        return refusal
      }
    },
    close: async () => channel && briefly(() => (channel as Channel).close()),
  }
}
