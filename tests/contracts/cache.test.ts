import { randomBytes } from 'node:crypto'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { Redis } from 'ioredis'
import { pino } from 'pino'
import { describe, expect, inject, test } from 'vitest'
import { openMemoryCache } from '../../lib/cache/memory.ts'
import { type Cache, MAX_VALUE_BYTES } from '../../lib/cache/port.ts'
import { openRedis } from '../../lib/cache/redis.ts'
import { openProxy } from '../support/proxy.ts'
import { until } from '../support/service.ts'
import { within } from './support.ts'

const log = pino({ level: 'silent' })
const redisUrl = inject('redisUrl')
const MINUTE_MS = 60_000

/** A prefix that nobody else uses, removed with all below it. */
async function withPrefix<T>(use: (prefix: string) => Promise<T>): Promise<T> {
  const prefix = `test-${randomBytes(6).toString('hex')}:`
  try {
    return await use(prefix)
  } finally {
    const redis = new Redis(redisUrl ?? '')
    const keys = await redis.keys(`${prefix}*`)
    if (keys.length > 0) await redis.del(...keys)
    redis.disconnect()
  }
}

async function withCache(cache: Cache, use: (cache: Cache) => Promise<void>): Promise<void> {
  try {
    await use(cache)
  } finally {
    await cache.close()
  }
}

const BACKENDS = [
  {
    name: 'memory',
    available: true,
    open: (use: (cache: Cache) => Promise<void>) => withCache(openMemoryCache(), use),
  },
  {
    name: 'Redis',
    available: redisUrl !== undefined,
    open: (use: (cache: Cache) => Promise<void>) =>
      // Not what a busy machine makes of 30 ms is judged here.
      withPrefix((prefix) =>
        withCache(openRedis({ url: redisUrl ?? '', log, prefix, deadlineMs: 2_000 }), use),
      ),
  },
]

describe.for(BACKENDS)('cache in $name', ({ available, open }) => {
  const on = test.skipIf(!available)

  on('gives back the bytes that were set, whatever they are', () =>
    open(async (cache) => {
      const every = Uint8Array.from({ length: 256 }, (_, i) => i)
      const part = new Uint8Array([9, 1, 2, 3, 9]).subarray(1, 4)
      for (const [key, value] of [
        ['every', every],
        ['part of a buffer', part],
        ['empty', new Uint8Array()],
        ['é/ key', Buffer.from('x')],
      ] as const) {
        await cache.set(key, value, MINUTE_MS)
        expect(Buffer.from((await cache.get(key)) ?? 'nothing')).toEqual(Buffer.from(value))
      }
      expect(await cache.get('unknown')).toBeUndefined()
      expect(cache.isUp()).toBe(true)
    }),
  )

  on('keeps what was set last, forgets what is deleted, leaves the others', () =>
    open(async (cache) => {
      for (const key of ['a', 'b', 'c']) await cache.set(key, Buffer.from(`old ${key}`), MINUTE_MS)
      await cache.set('a', Buffer.from('new'), MINUTE_MS)
      await cache.delete(['b', 'unknown', 'c'])
      await cache.delete([])
      const kept = await Promise.all(['a', 'b', 'c'].map((key) => cache.get(key)))
      expect(kept.map((value) => value && Buffer.from(value).toString())).toEqual([
        'new',
        undefined,
        undefined,
      ])
    }),
  )

  on('forgets a value after its time', () =>
    open(async (cache) => {
      await cache.set('short', Buffer.from('x'), 1_000)
      await cache.set('long', Buffer.from('y'), MINUTE_MS)
      expect(await cache.get('short')).toBeDefined()
      await until(async () => (await cache.get('short')) === undefined)
      expect(await cache.get('long')).toBeDefined()
    }),
  )

  on('does not keep what is too large', () =>
    open(async (cache) => {
      await cache.set('large', Buffer.alloc(MAX_VALUE_BYTES - 100), MINUTE_MS)
      await cache.set('too large', Buffer.alloc(MAX_VALUE_BYTES + 1), MINUTE_MS)
      expect((await cache.get('large'))?.byteLength).toBe(MAX_VALUE_BYTES - 100)
      expect(await cache.get('too large')).toBeUndefined()
    }),
  )
})

test('the memory of a cache is bounded; what was not read for the longest time goes first', () =>
  withCache(openMemoryCache(10_000), async (cache) => {
    for (const key of ['a', 'b', 'c', 'd']) await cache.set(key, Buffer.alloc(2_400), MINUTE_MS)
    await cache.get('a')
    await cache.set('e', Buffer.alloc(2_400), MINUTE_MS)
    const kept = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((key) => cache.get(key)))
    expect(kept.map((value) => value !== undefined)).toEqual([true, false, true, true, true])
    // Values without bytes take room as well.
    for (let i = 0; i < 20_000; i++) await cache.set(`empty ${i}`, new Uint8Array(), MINUTE_MS)
    expect(await cache.get('empty 0')).toBeUndefined()
  }))

/**
 * Asks 20 questions of which none is answered: each is unknown before a timer of 50 ms, which begins after the cache's own,
 * fires. A busy machine delays both.
 */
async function expectSoonUnknown(cache: Cache): Promise<void> {
  for (let i = 0; i < 20; i++) expect(await within(50, cache.get('a'))).toBeUndefined()
}

/** Sets a value until it is kept. */
const setWhenUp = (cache: Cache, key: string) =>
  until(async () => {
    await cache.set(key, Buffer.from('x'), MINUTE_MS)
    return (await cache.get(key)) !== undefined
  })

const real = test.skipIf(redisUrl === undefined)

real('goes on without a Redis that is away, within 50 ms, and with it when it is back', () =>
  withPrefix(async (prefix) => {
    const { hostname, port } = new URL(redisUrl ?? '')
    const proxy = await openProxy({ host: hostname, port: Number(port || 6379) })
    await withCache(openRedis({ url: `redis://127.0.0.1:${proxy.port}`, log, prefix }), async (cache) => {
      await setWhenUp(cache, 'kept')
      await proxy.cut()
      await until(() => !cache.isUp())
      await expectSoonUnknown(cache)
      await cache.set('b', Buffer.from('lost'), MINUTE_MS)
      await proxy.restore()
      await until(() => cache.isUp())
      await until(async () => (await cache.get('kept')) !== undefined)
      // What could not be set then is not set later.
      expect(await cache.get('b')).toBeUndefined()
    })
    await proxy.close()
  }),
)

real('uses a Redis that comes later', () =>
  withPrefix(async (prefix) => {
    const { hostname, port } = new URL(redisUrl ?? '')
    const proxy = await openProxy({ host: hostname, port: Number(port || 6379) })
    await proxy.cut()
    await withCache(openRedis({ url: `redis://127.0.0.1:${proxy.port}`, log, prefix }), async (cache) => {
      expect(await cache.get('a')).toBeUndefined()
      await proxy.restore()
      await setWhenUp(cache, 'a')
    })
    await proxy.close()
  }),
)

real('goes on without a Redis that hangs, within 50 ms', () =>
  withPrefix(async (prefix) => {
    const { hostname, port } = new URL(redisUrl ?? '')
    const proxy = await openProxy({ host: hostname, port: Number(port || 6379) })
    await withCache(openRedis({ url: `redis://127.0.0.1:${proxy.port}`, log, prefix }), async (cache) => {
      await setWhenUp(cache, 'other')
      proxy.hold()
      await expectSoonUnknown(cache)
      await cache.get('a')
      expect(cache.isUp()).toBe(false)
    })
    await proxy.close()
  }),
)

test('goes on without a Redis that takes connections and answers nothing, within 50 ms, also at the start', async () => {
  const sockets = new Set<Socket>()
  const silent = createServer((socket) => void sockets.add(socket))
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  const { port } = silent.address() as AddressInfo
  await withCache(openRedis({ url: `redis://127.0.0.1:${port}`, log }), async (cache) => {
    await expectSoonUnknown(cache)
    expect(cache.isUp()).toBe(false)
  })
  for (const socket of sockets) socket.destroy()
  silent.close()
})

test('goes on without a Redis that is not there at the start, within 50 ms', () =>
  withCache(openRedis({ url: 'redis://127.0.0.1:1', log }), async (cache) => {
    await expectSoonUnknown(cache)
    expect(cache.isUp()).toBe(false)
  }))
