import { setTimeout as delay } from 'node:timers/promises'
import { bytesOf, type Consumer, DELIVERY_LIMIT, type Handler, type Queue, REDELIVERY_MS } from './port.ts'

/** Dead messages kept for whoever consumes them; each has its row in `events` besides. */
const DEAD_KEPT = 1000

/** Events kept for a consumer that lags behind, or for none. */
const NOTIFICATIONS_KEPT = 10_000

type Waiting = { body: Uint8Array; headers: Record<string, unknown>; deliveries: number }

/** A queue within this process: the same rules as the broker's, gone with the process. */
export function openMemoryQueue(window: number): Queue {
  const queues = {
    work: memoryQueue((message) => queues.dead.add(message)),
    uploads: memoryQueue((message) => queues.dead.add(message)),
    notifications: memoryQueue((message) => queues.dead.add(message), NOTIFICATIONS_KEPT),
    dead: memoryQueue(undefined, DEAD_KEPT),
  }
  const listeners = new Set<(body: Uint8Array) => void>()
  return {
    window,
    durable: false,
    isUp: () => true,
    topology: () => ({ missing: [], differs: [] }),
    depth: async () => queues.work.depth(),
    pending: new Map(),
    async publish(messages) {
      for (const message of messages) {
        const { to, headers = {} } = message
        const bytes = bytesOf(message)
        queues[to === 'app' ? 'notifications' : to].add({ body: bytes, headers, deliveries: 0 })
        if (to === 'app') for (const listener of listeners) listener(bytes)
      }
      return new Set(messages.map((message) => message.id))
    },
    consume: async (from, prefetch, handle) => queues[from].consume(prefetch, handle),
    async listen(handle, onGap) {
      // A set takes a function once only, and the same may listen twice.
      const listener = (body: Uint8Array) => handle(body)
      listeners.add(listener)
      onGap()
      return { stop: async () => void listeners.delete(listener) }
    },
    close: async () => {},
  }
}

function memoryQueue(dead?: (message: Waiting) => void, most = Number.POSITIVE_INFINITY) {
  const waiting: Waiting[] = []
  const consumers = new Set<() => void>()
  const add = (message: Waiting) => {
    waiting.push(message)
    if (waiting.length > most) waiting.shift()
    for (const take of consumers) take()
  }
  const consume = (prefetch: number, handle: Handler): Consumer => {
    const running = new Set<Promise<void>>()
    const stopping = new AbortController()
    const deliver = async (message: Waiting) => {
      message.deliveries++
      const { body, headers, deliveries } = message
      try {
        await handle({ body, headers, redelivered: deliveries > 1 })
      } catch {
        if (deliveries > DELIVERY_LIMIT) return dead?.(message)
        await delay(REDELIVERY_MS, undefined, { signal: stopping.signal }).catch(() => {})
        add(message)
      }
    }
    const take = () => {
      while (running.size < prefetch) {
        const message = waiting.shift()
        if (!message) return
        const task = deliver(message).finally(() => {
          running.delete(task)
          if (consumers.has(take)) take()
        })
        running.add(task)
      }
    }
    consumers.add(take)
    take()
    return {
      async stop() {
        consumers.delete(take)
        stopping.abort()
        await Promise.all(running)
      },
    }
  }
  return { add, consume, depth: () => waiting.length }
}
