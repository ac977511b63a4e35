import { readFile } from 'node:fs/promises'
import { describe, expect, inject, onTestFinished, test, vi } from 'vitest'
import { type App, openApp } from '../../../lib/app.ts'
import { openMemoryCache } from '../../../lib/cache/memory.ts'
import { readConfig } from '../../../lib/config/index.ts'
import { migrate } from '../../../lib/db/migrate.ts'
import { PROJECT_RECIPE, type Recipe } from '../../../lib/imaging/recipe.ts'
import { addPhotos } from '../../../lib/photos/add.ts'
import { requestProcessing } from '../../../lib/photos/request.ts'
import { findPhoto } from '../../../lib/photos/row.ts'
import { openContents } from '../../../lib/renditions/contents.ts'
import { findRenditions } from '../../../lib/renditions/row.ts'
import { renditionKey } from '../../../lib/storage/port.ts'
import { runApi, runRelay, runWorker } from '../../../scripts/serve/roles.ts'
import { type Environment, isAvailable, SETUPS, withEnvironment } from '../../support/app.ts'
import { jpeg, pixels, sample } from '../../support/images.ts'
import { openS3Server } from '../../support/s3-server.ts'
import { freePort, until } from '../../support/service.ts'
import { bytes, openSourceServer } from '../../support/source-server.ts'
import { problemOf } from '../support.ts'

const [EMBEDDED, SERVERS] = SETUPS
const redisUrl = inject('redisUrl')
const WITH_REDIS: Environment = redisUrl ? { REDIS_URL: redisUrl } : {}

const CASES = [
  { name: 'memory', setup: EMBEDDED, env: {}, processes: 1, available: true },
  { name: 'memory of two processes', setup: SERVERS, env: {}, processes: 2, available: isAvailable(SERVERS) },
  {
    name: 'Redis of two processes',
    setup: SERVERS,
    env: WITH_REDIS,
    processes: 2,
    available: isAvailable(SERVERS) && redisUrl !== undefined,
  },
]

type Web = { app: Awaited<ReturnType<typeof openApp>>; url: string }

/** Runs `use` with web processes, of which the first works as well. */
async function withWebs(
  { setup, env: more, processes }: (typeof CASES)[number],
  use: (webs: [Web, ...Web[]], addPhoto: (recipe?: Recipe) => Promise<string>) => Promise<void>,
): Promise<void> {
  const source = await openSourceServer({ '/a.jpg': bytes(await jpeg(sample(640, 480))) })
  await withEnvironment(setup, async (env) => {
    const webs: Web[] = []
    const running: { stop(): Promise<void> }[] = []
    for (let i = 0; i < processes; i++) {
      const app = await openApp(readConfig({ ...env, ...more, PORT: String(await freePort()) }))
      if (i === 0) await migrate(app.db)
      running.push(...(i === 0 ? [await runRelay(app), await runWorker(app)] : []))
      const api = await runApi(app)
      running.push(api)
      webs.push({ app, url: api.url })
    }
    await until(() => webs.every(({ app }) => app.queue.isUp() && app.cache.isUp()))
    const [first] = webs as [Web]
    await use(webs as [Web, ...Web[]], async (recipe) => {
      const url = `${source.url}/a.jpg`
      const [photo] = await addPhotos(first.app, [{ url, door: 'photos', recipe, queued: true }])
      await until(async () => (await findPhoto(first.app.db, photo?.uuid ?? '')).status === 'completed')
      return photo?.uuid ?? ''
    })
    for (const part of running.reverse()) await part.stop()
    for (const { app } of webs) await app.close()
  })
  await source.close()
}

const get = async (url: string, headers: Record<string, string> = {}) => {
  const answer = await fetch(url, { headers })
  return {
    status: answer.status,
    cache: answer.headers.get('x-cache'),
    etag: answer.headers.get('etag'),
    type: answer.headers.get('content-type'),
    bytes: Buffer.from(await answer.arrayBuffer()),
  }
}

describe.for(CASES)('GET /images/{uuid}/content with $name', (setUp) => {
  const on = test.skipIf(!setUp.available)

  on('hands out the image and each version, from the cache the second time', () =>
    withWebs(setUp, async ([{ app, url }], addPhoto) => {
      const uuid = await addPhoto(PROJECT_RECIPE)
      const at = `${url}/images/${uuid}/content`
      for (const [query, name] of [
        ['', 'thumb'],
        ['?version=big_thumb', 'big_thumb'],
      ]) {
        const row = (await findRenditions(app.db, [uuid])).find((thumbnail) => thumbnail.name === name)
        const file = await readFile(`${app.config.thumbsDir}/${row?.url}`)
        const head = await fetch(`${at}${query}`, { method: 'HEAD' })
        expect([head.status, head.headers.get('content-length')]).toEqual([200, String(file.length)])
        // HEAD has read nothing that the cache would keep.
        const first = await get(`${at}${query}`)
        expect(first).toMatchObject({ status: 200, cache: 'MISS', type: 'image/jpeg', bytes: file })
        await until(async () => (await get(`${at}${query}`)).cache === 'HIT')
        expect(await get(`${at}${query}`)).toEqual({ ...first, cache: 'HIT' })
        expect(await get(`${at}${query}`, { 'if-none-match': first.etag ?? '' })).toMatchObject({
          status: 304,
          bytes: Buffer.alloc(0),
        })
      }
      for (const wrong of [`${at}?version=original`, `${at}?version=..`, `${url}/images/no-uuid/content`])
        expect((await problemOf(await fetch(wrong), 404)).code).toBe('not-found')
    }),
  )

  on('a photo that is made again shows the new image in every process, one that is deleted none', () =>
    withWebs(setUp, async (webs, addPhoto) => {
      // Told by an event, and not by the 5 s after which a process asks again: they never pass.
      vi.useFakeTimers({ toFake: ['performance'] })
      onTestFinished(() => void vi.useRealTimers())
      const [{ app, url }] = webs
      const uuid = await addPhoto()
      const addresses = webs.map((web) => `${web.url}/images/${uuid}/content`)
      for (const address of addresses) await until(async () => (await get(address)).cache === 'HIT')
      const before = await get(addresses[0] ?? '')
      const recipe = { renditions: [{ ...THUMBNAIL, operations: [{ op: 'grayscale' }] }] }
      await app.db
        .updateTable('photos')
        .set({ recipe: JSON.stringify(recipe) })
        .execute()
      await requestProcessing(app, [uuid], true)
      await until(async () => (await findPhoto(app.db, uuid)).status === 'completed')
      for (const address of addresses) await until(async () => (await get(address)).etag !== before.etag)
      for (const address of addresses) {
        const after = await get(address)
        expect(await pixels(after.bytes)).toMatchObject({ width: 640, height: 480 })
      }
      const removed = await fetch(`${url}/photos/${uuid}`, { method: 'DELETE' })
      expect(removed.status).toBe(204)
      // At once where it was removed, and elsewhere with the event.
      expect((await get(addresses[0] ?? '')).status).toBe(404)
      for (const address of addresses) await until(async () => (await get(address)).status === 404)
    }),
  )
})

const THUMBNAIL = { name: 'thumbnail', format: 'jpeg', quality: 80 }

test('there is no image before the photo is completed', () =>
  withWebs(CASES[0] as (typeof CASES)[number], async ([{ app, url }]) => {
    const [photo] = await addPhotos(app, [{ url: 'https://example.com/a.jpg', door: 'photos' }])
    expect((await fetch(`${url}/images/${photo?.uuid}/content`)).status).toBe(404)
  }))

test('a file is read once for all who ask at once, and what is too large is streamed', () =>
  withWebs(CASES[0] as (typeof CASES)[number], async ([{ app, url }], addPhoto) => {
    const uuid = await addPhoto()
    let reads = 0
    const storage: App['storage'] = {
      ...app.storage,
      read: (key, most) => {
        reads++
        return app.storage.read(key, most)
      },
    }
    const contents = openContents({ db: app.db, storage, cache: openMemoryCache() })
    const content = await contents.find(uuid)
    if (!content) expect.fail('no content')
    const found = await Promise.all(Array.from({ length: 20 }, () => contents.read(content)))
    expect([reads, found.filter((each) => each?.cached).length]).toEqual([1, 0])
    expect(await contents.read(content)).toMatchObject({ cached: true })
    expect(reads).toBe(1)

    const large = Buffer.alloc(3 * 1024 * 1024, 7)
    await app.storage.put(renditionKey(content.path), large)
    await app.db.updateTable('photo_thumbnails').set({ bytes: large.length }).execute()
    for (let i = 0; i < 2; i++) {
      const answer = await get(`${url}/images/${uuid}/content`)
      expect([answer.cache, answer.bytes.equals(large)]).toEqual(['MISS', true])
    }
  }))

test('what is too large is read from the bucket itself', async () => {
  const server = await openS3Server()
  const setUp = { ...(CASES[0] as (typeof CASES)[number]), env: server.env }
  await withWebs(setUp, async ([{ app, url }], addPhoto) => {
    const at = `${url}/images/${await addPhoto()}/content`
    expect((await get(at)).cache).toBe('MISS')
    await until(async () => (await get(at)).cache === 'HIT')
    await app.db
      .updateTable('photo_thumbnails')
      .set({ bytes: 6_000_000, created_at: new Date().toISOString() })
      .execute()
    app.contents.drop((await app.db.selectFrom('photos').select('uuid').executeTakeFirstOrThrow()).uuid)
    const answer = await fetch(at, { redirect: 'manual' })
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([302, 'no-store'])
    expect((await fetch(at)).status).toBe(200)
  })
  await server.close()
})
