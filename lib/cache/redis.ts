import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { Logger } from 'pino'
import { type Cache, MAX_VALUE_BYTES } from './port.ts'

/** Longest that a request waits for Redis, in ms. */
const DEADLINE_MS = 30
/** After a failure Redis is left alone for so long, in ms: one that hangs then costs a request its deadline once a second. */
const REST_MS = 1_000
const CONNECT_TIMEOUT_MS = 2_000
const MAX_RECONNECT_MS = 1_000

/** What the keys begin with, in a Redis that others use too. */
const PREFIX = 'photo-processor:'

type Options = { url: string; log: Logger; prefix?: string; deadlineMs?: number }

/** A cache that processes share. Opening waits for nothing; what Redis does not answer in time is as if it were not there. */
export function openRedis({ url, log, prefix = PREFIX, deadlineMs = DEADLINE_MS }: Options): Cache {
  const redis = new Redis(url, {
    lazyConnect: true,
    keyPrefix: prefix,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: CONNECT_TIMEOUT_MS,
    commandTimeout: deadlineMs,
    retryStrategy: (times) => Math.min(100 * times, MAX_RECONNECT_MS),
  })
  redis.on('error', (error: Error) => log.warn({ err: error.message }, 'Redis not reachable'))
  let restUntil = 0
  let connecting: Promise<unknown> | undefined = redis
    .connect()
    .catch(() => {})
    .finally(() => {
      connecting = undefined
    })

  /** Runs a command: what Redis answers, or undefined where it does not in time. */
  async function run<T>(command: () => Promise<T>): Promise<T | undefined> {
    if (Date.now() < restUntil) return undefined
    try {
      if (connecting) await Promise.race([connecting, late(deadlineMs)])
      return redis.status === 'ready' ? await command() : undefined
    } catch (error) {
      restUntil = Date.now() + REST_MS
      log.warn({ err: (error as Error).message }, 'Redis did not answer, going on without')
      return undefined
    }
  }

  return {
    get: async (key) => (await run(() => redis.getBuffer(key))) ?? undefined,
    async set(key, value, ttlMs) {
      if (value.byteLength > MAX_VALUE_BYTES) return
      await run(() =>
        redis.set(key, Buffer.from(value.buffer, value.byteOffset, value.byteLength), 'PX', ttlMs),
      )
    },
    async delete(keys) {
      if (keys.length > 0) await run(() => redis.del(...keys))
    },
    isUp: () => redis.status === 'ready' && Date.now() >= restUntil,
    async close() {
      redis.disconnect()
    },
  }
}

const late = (ms: number) =>
  delay(ms, undefined, { ref: false }).then(() => {
    throw new Error('not connected in time')
  })
