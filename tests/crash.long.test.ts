import { describe, expect, test } from 'vitest'
import { openApp } from '../lib/app.ts'
import { readConfig } from '../lib/config/index.ts'
import { isAvailable, SETUPS, withEnvironment } from './support/app.ts'
import { expectCompletedAfter, STAGES } from './support/crash.ts'
import { jpeg, sample } from './support/images.ts'
import { DEADLINE_MS, getJson, startScript, submitPhotos, until } from './support/service.ts'
import { bytes, openSourceServer, stalledBody } from './support/source-server.ts'

describe.for(SETUPS)('kill -9 on $name', (setup) => {
  // Side by side: each waits most of its time, for a process to start or a lease to end. tests/crash.test.ts has the render.
  test.concurrent.for(STAGES.filter((stage) => stage !== 'render'))(
    'after the %s: the photo is completed once, with one row and one file',
    async (stage, { skip }) => {
      skip(!isAvailable(setup))
      await expectCompletedAfter(stage, setup)
    },
  )
})

type Photo = { uuid: string; status: string; timeline: { type: string }[] }

test('kill -9 of the embedded process with 50 photos queued: after the next start all complete, each once', async () => {
  const source = await openSourceServer({ '/photo.jpg': bytes(await jpeg(sample(1600, 1200)), 'image/jpeg') })
  await withEnvironment(SETUPS[0], async (given) => {
    const env = { ...given, LEASE_MS: '1000' }
    const first = await startScript('start', env, /Try: curl/)
    const urls = Array.from({ length: 50 }, (_, i) => `${source.url}/photo.jpg?${i}`)
    const photos = await submitPhotos<Photo>(first.url, urls)
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
    const urls = Array.from({ length: 12 }, (_, i) => `${source.url}/photo.jpg?${i}`)
    const photos = await submitPhotos<Photo>(first.url, urls)
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
