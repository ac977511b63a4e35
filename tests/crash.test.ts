import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { openApp } from '../lib/app.ts'
import { readConfig } from '../lib/config/index.ts'
import { migrate } from '../lib/db/migrate.ts'
import { addPhotos } from '../lib/photos/add.ts'
import { requestProcessing } from '../lib/photos/request.ts'
import { findPhoto } from '../lib/photos/row.ts'
import { findRenditions } from '../lib/renditions/row.ts'
import { OWNER } from '../lib/storage/port.ts'
import { runRelay, runWorker } from '../scripts/serve/roles.ts'
import { type Environment, isAvailable, SETUPS, withEnvironment } from './support/app.ts'
import { jpeg, sample } from './support/images.ts'
import { DEADLINE_MS, getJson, postJson, startScript, until } from './support/service.ts'
import { bytes, openSourceServer, stalledBody } from './support/source-server.ts'

const run = promisify(execFile)

const STAGES = ['claim', 'download', 'render', 'write', 'commit'] as const

/** Those that cost the photo an attempt, or none, whatever the timing. */
const ATTEMPTS: Partial<Record<(typeof STAGES)[number], number>> = { claim: 1, download: 1, render: 2 }

const filesBelow = async (directory: string) =>
  (await readdir(directory, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && entry.name !== OWNER)
    .map(({ name }) => name)

/** Kills a worker of its own process right after `stage`. */
const dieAfter = (stage: string, uuid: string, env: Environment) =>
  run(process.execPath, ['tests/support/dying-worker.ts', stage, uuid], {
    env: { PATH: process.env.PATH, ...env },
  }).catch((error: { signal: string; stderr: string }) => error)

describe.for(SETUPS)('kill -9 on $name', (setup) => {
  // Side by side: each waits most of its time, for a process to start or a lease to end.
  test.concurrent.for(STAGES)(
    'after the %s: the photo is completed once, with one row and one file',
    async (stage, { skip }) => {
      skip(!isAvailable(setup))
      const source = await openSourceServer({
        '/photo.jpg': bytes(await jpeg(sample(640, 480)), 'image/jpeg'),
      })
      await withEnvironment(setup, async (given) => {
        // Inline, the begin of a render is noted before it.
        const env = { ...given, LEASE_MS: '2000', WORKER_THREADS: stage === 'render' ? '0' : '1' }
        const app = await openApp(readConfig(env))
        await migrate(app.db)
        const [photo] = await addPhotos(app, [{ url: `${source.url}/photo.jpg`, door: 'photos' }])
        const uuid = photo?.uuid ?? ''
        await app.db
          .updateTable('photos')
          .set({ queued_at: new Date().toISOString() })
          .where('uuid', '=', uuid)
          .execute()
        expect(await dieAfter(stage, uuid, env)).toMatchObject({ signal: 'SIGKILL' })
        expect((await findPhoto(app.db, uuid)).status).toBe(stage === 'commit' ? 'completed' : 'processing')

        const parts = [await runRelay(app), await runWorker(app)]
        await until(async () => (await findPhoto(app.db, uuid)).status === 'completed')
        await until(async () => (await unpublished(app)).length === 0)
        for (const part of parts.reverse()) await part.stop()

        const { attempts } = await findPhoto(app.db, uuid)
        expect(attempts).toBe(ATTEMPTS[stage] ?? attempts)
        const types = (
          await app.db.selectFrom('events').select('type').where('photo_uuid', '=', uuid).execute()
        ).map(({ type }) => type)
        expect(types.filter((type) => type === 'image.uploaded')).toHaveLength(1)
        expect(await findRenditions(app.db, [uuid])).toMatchObject([
          { name: 'thumbnail', width: 320, height: 240 },
        ])
        expect(await filesBelow(app.config.thumbsDir)).toEqual([`${uuid}.jpg`])
        await app.close()
      })
      await source.close()
    },
  )
})

const unpublished = ({ db }: Awaited<ReturnType<typeof openApp>>) =>
  db
    .selectFrom('events')
    .select('id')
    .where('publish_after', 'is not', null)
    .where('published_at', 'is', null)
    .execute()

type Photo = { uuid: string; status: string; timeline: { type: string }[] }

test('kill -9 of the embedded process with 50 photos queued: after the next start all complete, each once', async () => {
  const source = await openSourceServer({ '/photo.jpg': bytes(await jpeg(sample(1600, 1200)), 'image/jpeg') })
  await withEnvironment(SETUPS[0], async (given) => {
    const env = { ...given, LEASE_MS: '1000' }
    const first = await startScript('start', env, /Try: curl/)
    const photos = await postJson<Photo[]>(`${first.url}/photos`, {
      urls: Array.from({ length: 50 }, (_, i) => `${source.url}/photo.jpg?${i}`),
    })
    await postJson(
      `${first.url}/photos/process`,
      photos.map(({ uuid }) => uuid),
    )
    const completed = async (url: string) =>
      (await getJson<{ items: Photo[] }>(`${url}/photos?status=completed`)).items.length
    await until(async () => (await completed(first.url)) > 0)
    await first.kill('SIGKILL')

    const app = await openApp(readConfig(env))
    const done = await app.db.selectFrom('photos').select('uuid').where('status', '=', 'completed').execute()
    await app.close()
    expect(done.length).toBeLessThan(50)
    const second = await startScript('start', env, /Try: curl/)
    await until(async () => (await completed(second.url)) === 50)
    const shown = await Promise.all(photos.map(({ uuid }) => getJson<Photo>(`${second.url}/photos/${uuid}`)))
    expect(
      shown.map(({ timeline }) => timeline.filter(({ type }) => type === 'image.uploaded').length),
    ).toEqual(Array(50).fill(1))
    await second.kill('SIGTERM')
  })
  await source.close()
})

test('kill -9 with downloads in hand costs their photos no attempt, and the timeline says so', async () => {
  const picture = bytes(await jpeg(sample(64, 48)), 'image/jpeg')
  const source = await openSourceServer({ '/photo.jpg': stalledBody })
  await withEnvironment(SETUPS[0], async (given) => {
    const env = { ...given, LEASE_MS: '8000', DOWNLOAD_TIMEOUT_MS: '600000' }
    const first = await startScript('start', env, /Try: curl/)
    const photos = await postJson<Photo[]>(`${first.url}/photos`, {
      urls: Array.from({ length: 12 }, (_, i) => `${source.url}/photo.jpg?${i}`),
    })
    await postJson(
      `${first.url}/photos/process`,
      photos.map(({ uuid }) => uuid),
    )
    await until(() => source.hits.length === 12)
    await first.kill('SIGKILL')
    source.set('/photo.jpg', picture)

    const second = await startScript('start', env, /Try: curl/)
    type Shown = Photo & { attempts: number; timeline: { attempt: number | null; detail: string | null }[] }
    const shown = () => Promise.all(photos.map(({ uuid }) => getJson<Shown>(`${second.url}/photos/${uuid}`)))
    await until(async () => (await shown()).every(({ status }) => status === 'completed'), DEADLINE_MS, shown)
    const detail = 'The worker was lost before a render began: the attempt does not count'
    for (const { attempts, timeline } of await shown()) {
      expect(attempts).toBe(1)
      expect(timeline).toMatchObject([
        { type: 'image.created' },
        { type: 'image.queued' },
        { type: 'image.processing', attempt: 1 },
        { type: 'image.retrying', attempt: 1, detail },
        { type: 'image.queued', attempt: 1 },
        { type: 'image.processing', attempt: 1 },
        { type: 'image.uploaded', attempt: 1 },
      ])
    }
    await second.kill('SIGTERM')
  })
  await source.close()
})

test('a request that died between its commit and its publishing is published by the relay', async () => {
  await withEnvironment(SETUPS[0], async (env) => {
    const app = await openApp(readConfig(env))
    await migrate(app.db)
    const [photo] = await addPhotos(app, [{ url: 'https://example.com/a.jpg', door: 'photos' }])
    const dead = { ...app, queue: { ...app.queue, publish: async () => new Set<string>() } }
    await requestProcessing(dead, [photo?.uuid ?? ''], false)
    expect(await unpublished(app)).toHaveLength(1)
    await app.db
      .updateTable('events')
      .set({ publish_after: new Date().toISOString() })
      .where('publish_after', 'is not', null)
      .execute()
    const relay = await runRelay(app)
    await until(async () => (await unpublished(app)).length === 0)
    await relay.stop()
    await app.close()
  })
})
