/** Where a message goes: to the workers, to all who listen to events, to the dead queue. */
type Destination = 'work' | 'app' | 'dead'

/** `key` is the routing key; `body` is sent as JSON, bytes as they are; `id` tells the messages of one call apart. */
export type Message = {
  id: string
  to: Destination
  key: string
  body: unknown
  headers?: Record<string, string>
}

/** What the broker carries of a message. */
export const bytesOf = ({ body }: Pick<Message, 'body'>): Uint8Array =>
  body instanceof Uint8Array ? body : Buffer.from(JSON.stringify(body))

/** A message as a consumer gets it: the body as it came, since it may come from a stranger. */
export type ReceivedMessage = { body: Uint8Array; headers: Record<string, unknown>; redelivered: boolean }

export type Handler = (message: ReceivedMessage) => Promise<void>

/** Stops taking messages and resolves when those being handled are done. */
export type Consumer = { stop(): Promise<void> }

/** What can be consumed: photos to process, events of a bucket, what happened to photos, dead messages. */
export type Source = 'work' | 'uploads' | 'notifications' | 'dead'

/** Queues and exchanges that the broker lacks, and those that somebody else declared differently, in the broker's words. */
export type TopologyState = { missing: string[]; differs: string[] }

/** Carries messages; may lose or repeat them without losing or repeating work, since the rows remember it. */
export interface Queue {
  /**
   * Resolves to the ids that were confirmed within `deadlineMs`; never throws because the broker is away. Work and dead
   * messages that no queue took are not confirmed.
   */
  publish(messages: readonly Message[], deadlineMs: number): Promise<Set<string>>
  /**
   * Hands at most `prefetch` messages at once to `handle`, whenever the broker is there until stopped. One whose handler throws
   * comes back after a pause, and after the `DELIVERY_LIMIT`th time it goes to the dead queue.
   */
  consume(from: Source, prefetch: number, handle: Handler): Promise<Consumer>
  /**
   * Hands every message to `app` to `handle`, in every process that listens. `onGap` is called when it begins, and
   * whenever messages may have been missed.
   */
  listen(handle: (body: Uint8Array) => void, onGap: () => void): Promise<Consumer>
  /** How many messages to the workers wait in the queue, and no worker has; undefined where that cannot be said now. */
  depth(): Promise<number | undefined>
  /** The ids of messages that were sent and that the broker has not answered for: true once it confirms, false if it does not. */
  readonly pending: ReadonlyMap<string, Promise<boolean>>
  /** Whether messages get through now. */
  isUp(): boolean
  /** What the broker lacks, and what differs there. */
  topology(): TopologyState
  /** Messages of one lane that are in the queue at a time; the rest waits in the outbox. */
  readonly window: number
  /** False where messages are gone when this process ends. */
  readonly durable: boolean
  close(): Promise<void>
}

/** How often a message comes back, since its handler threw, before it is dead. */
export const DELIVERY_LIMIT = 5

/** How long a message whose handler threw waits before it comes back, in ms. */
export const REDELIVERY_MS = 500

/** How long a request waits for the confirms of what it publishes; past it the relay does it. */
export const PUBLISH_DEADLINE_MS = 1_500
