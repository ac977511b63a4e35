import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { Logger } from 'pino'
import { type Cache, MAX_VALUE_BYTES } from './index.ts'

/** Longest that a request waits for Redis, in ms. */
const DEADLINE_MS = 40
/** After a failure Redis is left alone for so long, in ms: one that hangs then costs a request its deadline once a second. */
const REST_MS = 1_000
const CONNECT_TIMEOUT_MS = 2_000
const MAX_RECONNECT_MS = 1_000

/** What the keys begin with, in a Redis that others use too. */
const PREFIX = 'photo-processor:'

type Options = { url: string; log: Logger; prefix?: string }

/** A cache that processes share. Opening waits for nothing; what Redis does not answer in time is as if it were not there. */
export function openRedis({ url, log, prefix = PREFIX }: Options): Cache {
  const redis = new Redis(url, {
    lazyConnect: true,
    keyPrefix: prefix,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: CONNECT_TIMEOUT_MS,
    commandTimeout: DEADLINE_MS,
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
  const isUp = () => redis.status === 'ready' && Date.now() >= restUntil

  /** What Redis answers, or undefined where it does not. */
  async function ask<T>(command: () => Promise<T>): Promise<T | undefined> {
    if (connecting) await Promise.race([connecting, delay(DEADLINE_MS, undefined, { ref: false })])
    if (!isUp()) return undefined
    try {
      return await command()
    } catch (error) {
      restUntil = Date.now() + REST_MS
      log.warn({ err: (error as Error).message }, 'Redis did not answer, going on without')
      return undefined
    }
  }

  return {
    get: async (key) => (await ask(() => redis.getBuffer(key))) ?? undefined,
    async set(key, value, ttlMs) {
      if (value.byteLength > MAX_VALUE_BYTES) return
      await ask(() =>
        redis.set(key, Buffer.from(value.buffer, value.byteOffset, value.byteLength), 'PX', ttlMs),
      )
    },
    async delete(keys) {
      if (keys.length > 0) await ask(() => redis.del(...keys))
    },
    isUp,
    async close() {
      redis.disconnect()
    },
  }
}
