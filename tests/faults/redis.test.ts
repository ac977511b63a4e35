import { Redis } from 'ioredis'
import { describe, expect, inject, onTestFailed, test } from 'vitest'
import { type App, openApp } from '../../lib/app.ts'
import { readConfig } from '../../lib/config/index.ts'
import { migrate } from '../../lib/db/migrate.ts'
import { addPhotos } from '../../lib/photos/add.ts'
import { requestProcessing } from '../../lib/photos/request.ts'
import { findPhoto } from '../../lib/photos/row.ts'
import { runApi, runRelay, runWorker } from '../../scripts/serve/roles.ts'
import { SETUPS, withEnvironment } from '../support/app.ts'
import { jpeg, pixels, sample } from '../support/images.ts'
import { keepOpen } from '../support/keep-open.ts'
import { openProxy } from '../support/proxy.ts'
import type { OwnServer } from '../support/servers/program.ts'
import { openRedis } from '../support/servers/redis.ts'
import { freePort, getJson, until } from '../support/service.ts'
import { bytes, openSourceServer, type SourceServer } from '../support/source-server.ts'

const [EMBEDDED] = SETUPS

/** Longer than a probe waits for the next, in ms. */
const SOME_PROBES_MS = 3_000

const wide = bytes(await jpeg(sample(400, 200)))
const high = bytes(await jpeg(sample(200, 400)))

type Given = {
  app: App
  url: string
  source: SourceServer
  redis: OwnServer
  proxy: Awaited<ReturnType<typeof openProxy>>
  /** A client of the Redis that does not go through the proxy. */
  direct: Redis
}

let given: () => Given

async function run(use: (given: Given) => Promise<void>): Promise<void> {
  const redis = await openRedis()
  const proxy = await openProxy({ host: '127.0.0.1', port: redis.port })
  const direct = new Redis(redis.url, { lazyConnect: true })
  const source = await openSourceServer()
  await withEnvironment(EMBEDDED, async (env) => {
    const more = { REDIS_URL: `redis://127.0.0.1:${proxy.port}`, PORT: String(await freePort()) }
    const app = await openApp(readConfig({ ...env, ...more }))
    await migrate(app.db)
    const parts = [await runRelay(app), await runWorker(app), await runApi(app)] as const
    await use({ app, url: parts[2].url, source, redis, proxy, direct })
    for (const part of parts.toReversed()) await part.stop()
    await app.close()
  })
  await source.close()
  direct.disconnect()
  await proxy.close().catch(() => {})
  await redis.close()
}

/** What each fault does to Redis, and how it ends; `hits` where Redis still gives back what it has. */
const FAULTS: readonly {
  name: string
  begin(given: Given): unknown
  end(given: Given): unknown
  hits?: boolean
}[] = [
  { name: 'killed', begin: ({ redis }) => redis.kill(), end: ({ redis }) => redis.start() },
  { name: 'paused', begin: ({ redis }) => redis.pause(), end: ({ redis }) => redis.resume() },
  { name: 'cut off', begin: ({ proxy }) => proxy.cut(), end: ({ proxy }) => proxy.restore() },
  { name: 'silent', begin: ({ proxy }) => proxy.silence(), end: ({ proxy }) => proxy.speak() },
  {
    name: 'read-only',
    begin: ({ direct }) => direct.replicaof('127.0.0.1', 1),
    end: ({ direct }) => direct.replicaof('NO', 'ONE'),
    hits: true,
  },
  {
    name: 'full',
    begin: ({ direct }) => direct.config('SET', 'maxmemory', '1'),
    end: ({ direct }) => direct.config('SET', 'maxmemory', '0'),
    hits: true,
  },
]

const isCompleted = async (uuid: string) => (await findPhoto(given().app.db, uuid)).status === 'completed'

async function addPhoto(path: string): Promise<string> {
  const [photo] = await addPhotos(given().app, [
    { url: `${given().source.url}${path}`, door: 'photos', queued: true },
  ])
  const uuid = photo?.uuid ?? ''
  await until(() => isCompleted(uuid))
  return uuid
}

async function show(uuid: string) {
  const answer = await fetch(`${given().url}/images/${uuid}/content`)
  const body = Buffer.from(await answer.arrayBuffer())
  if (!answer.ok) return { status: answer.status }
  const { width, height } = await pixels(body)
  return { status: answer.status, width, height, cache: answer.headers.get('x-cache') }
}

/** Whether `/readyz` and the metrics say that images are cached, and do so for a while with nobody asking for an image. */
async function untilCacheIs(state: 'up' | 'down'): Promise<void> {
  const isSo = async () => {
    const { status, checks } = await getJson<{ status: string; checks: { cache: string } }>(
      `${given().url}/readyz`,
    )
    const metrics = await (await fetch(`${given().url}/metrics`)).text()
    const gauge = metrics.includes(`photo_cache_up ${state === 'up' ? 1 : 0}`)
    return checks.cache === state && status === (state === 'up' ? 'ok' : 'degraded') && gauge
  }
  await until(isSo)
  if (state === 'up') return
  const start = performance.now()
  while (performance.now() < start + SOME_PROBES_MS) expect(await isSo()).toBe(true)
}

const isHit = async (uuid: string) => (await show(uuid)).cache === 'HIT'

describe.skipIf(inject('redisUrl') === undefined)('a Redis that is', () => {
  given = keepOpen(run)

  test.for(FAULTS)(
    '$name keeps no image from coming, shows nothing stale, and is used again',
    async (fault) => {
      const path = `/${fault.name.replace(' ', '-')}.jpg`
      given().source.set(path, wide)
      const [kept, remade, removed] = [await addPhoto(path), await addPhoto(path), await addPhoto(path)]
      await untilCacheIs('up')
      for (const uuid of [kept, remade, removed]) await until(() => isHit(uuid))
      // Not what the next case begins with.
      onTestFailed(async () => void (await fault.end(given())))
      await fault.begin(given())
      await untilCacheIs('down')
      const before = { status: 200, width: 320, height: 160 }
      for (let i = 0; i < 20; i++) expect(await show(kept)).toMatchObject(before)
      // A busy machine makes Redis late now and then.
      if (fault.hits) await until(() => isHit(kept))
      else expect(await show(kept)).toEqual({ ...before, cache: 'MISS' })
      given().source.set(path, high)
      await requestProcessing(given().app, [remade], true)
      await until(() => isCompleted(remade))
      const after = { status: 200, width: 160, height: 320 }
      for (let i = 0; i < 20; i++) expect(await show(remade)).toEqual({ ...after, cache: 'MISS' })
      expect((await fetch(`${given().url}/photos/${removed}`, { method: 'DELETE' })).status).toBe(204)
      expect(await show(removed)).toEqual({ status: 404 })
      await fault.end(given())
      await untilCacheIs('up')
      await until(() => isHit(remade))
      expect(await show(remade)).toMatchObject(after)
      expect(await show(removed)).toEqual({ status: 404 })
      await until(() => isHit(kept))
    },
  )

  test('wiped costs a read from the storage', async () => {
    given().source.set('/wiped.jpg', wide)
    const uuid = await addPhoto('/wiped.jpg')
    await untilCacheIs('up')
    await until(() => isHit(uuid))
    await given().direct.flushall()
    expect(await show(uuid)).toEqual({ status: 200, width: 320, height: 160, cache: 'MISS' })
    await until(() => isHit(uuid))
  })

  test('paused is asked once, not by each request as long as it lasts', async () => {
    given().source.set('/asked.jpg', wide)
    const uuid = await addPhoto('/asked.jpg')
    await untilCacheIs('up')
    await until(() => isHit(uuid))
    const asked = async () =>
      Number(/cmdstat_get:calls=(\d+)/.exec(await given().direct.info('commandstats'))?.[1])
    const before = await asked()
    onTestFailed(() => given().redis.resume())
    given().redis.pause()
    const start = performance.now()
    while (performance.now() < start + SOME_PROBES_MS) expect((await show(uuid)).status).toBe(200)
    given().redis.resume()
    // Redis reads what it was sent meanwhile before it answers.
    expect((await asked()) - before).toBeLessThanOrEqual(1)
    await untilCacheIs('up')
  })
})
