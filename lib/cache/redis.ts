import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { DEADLINE_MS, inTime, openConnection, PREFIX, SILENCE_MS } from './connection.ts'
import { type Cache, MAX_VALUE_BYTES } from './port.ts'

/** Redis is probed so often, in ms: one that is away costs requests their deadline once, not as long as it lasts. */
const PROBE_MS = 1_000

/** How Redis refuses values while it still gives back those that it has: replica, full, disk failed, too few replicas. */
const REFUSES_VALUES = /^(READONLY|OOM|MISCONF|NOREPLICAS)\b/

type State = 'up' | 'read-only' | 'away'

const MEANS: Record<State, string> = {
  up: 'Redis keeps images',
  'read-only': 'Redis takes no images, those that it has are used',
  away: 'Redis is away, images come from the storage',
}

type Options = { url: string; log: Logger; prefix?: string; deadlineMs?: number }

/** A cache that processes share. Opening waits for nothing; what Redis does not answer in time is as if it were not there. */
export function openRedis({ url, log, prefix = PREFIX, deadlineMs = DEADLINE_MS }: Options): Cache {
  const redis = openConnection(url, prefix)
  let state: State = 'away'

  const turn = (next: State, error?: Error) => {
    if (next === state) return
    state = next
    log[next === 'up' ? 'info' : 'warn']({ err: error?.message }, MEANS[next])
  }

  /** What Redis answers, or undefined where it does not in time. */
  async function ask<T>(command: () => Promise<T>, ms = deadlineMs): Promise<T | undefined> {
    try {
      return await inTime(ms, command())
    } catch (error) {
      turn(REFUSES_VALUES.test((error as Error).message) ? 'read-only' : 'away', error as Error)
      return undefined
    }
  }

  /** Who is away must be in time to be up again; who is up may be late, that is for the requests to judge. */
  const probe = async () => {
    const ms = state === 'away' ? deadlineMs : SILENCE_MS
    if ((await ask(() => redis.set('probe', '', 'PX', PROBE_MS), ms)) === 'OK') turn('up')
  }

  redis.on('error', (error: Error) => turn('away', error))
  const onClose = () => turn('away')
  redis.on('close', onClose)
  const probing = setInterval(() => redis.status === 'ready' && probe(), PROBE_MS).unref()
  /** Until the first probe has answered, or its deadline is over. */
  let opening: Promise<unknown> | undefined = Promise.race([
    redis.connect().then(probe, () => {}),
    delay(deadlineMs, undefined, { ref: false }),
  ]).finally(() => {
    opening = undefined
    redis.on('ready', probe)
  })

  return {
    async get(key) {
      await opening
      if (state === 'away') return undefined
      return (await ask(() => redis.getBuffer(key))) ?? undefined
    },
    async set(key, value, ttlMs) {
      await opening
      if (state !== 'up' || value.byteLength > MAX_VALUE_BYTES) return
      const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
      await ask(() => redis.set(key, bytes, 'PX', ttlMs))
    },
    async delete(keys) {
      await opening
      if (state !== 'away' && keys.length > 0) await ask(() => redis.del(...keys))
    },
    isUp: () => state === 'up',
    async close() {
      clearInterval(probing)
      redis.off('close', onClose)
      redis.disconnect()
    },
  }
}
