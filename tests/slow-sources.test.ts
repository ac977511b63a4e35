import { describe, expect, test } from 'vitest'
import { processPhotoMessage } from '../functions/consumers/process-photo.ts'
import { findPhoto } from '../lib/photos/row.ts'
import { findTimeline } from '../lib/photos/show.ts'
import { openWorker } from '../lib/worker.ts'
import { isAvailable, SETUPS } from './support/app.ts'
import { jpeg, sample } from './support/images.ts'
import { until } from './support/service.ts'
import { bytes, delayed, type Route, redirect, stalled } from './support/source-server.ts'
import { addRemote, addUpload, counting, statusesOf, withWorking } from './support/working.ts'

const picture = await jpeg(sample(64, 48))

/** A byte a second: neither idle nor ever done. */
const tarpit: Route = (_, response) => {
  response.writeHead(200, { 'content-type': 'image/jpeg', 'content-length': 100_000 }).write('x')
  const timer = setInterval(() => response.write('x'), 1_000)
  response.on('close', () => clearInterval(timer))
}

// Side by side: each waits most of its time.
describe.concurrent.for(SETUPS)('slow sources on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('an upload behind a dozen of them is processed at once', () =>
    withWorking(setup, async ({ app, sources: [source] }) => {
      const slow = counting(tarpit)
      const waiting = await addRemote(app, source, 12, slow)
      await until(() => slow.now > 0)
      const upload = await addUpload(app, picture)
      await until(async () => (await findPhoto(app.db, upload)).status === 'completed')
      const { pending = 0, processing = 0 } = await statusesOf(app, waiting)
      expect(pending + processing).toBe(12)
    }),
  )

  on('hundreds of one host delay neither another host nor uploads, and are handed back', () =>
    withWorking(
      setup,
      async ({ app, sources: [slowSource, goodSource] }) => {
        const slow = counting(tarpit)
        const waiting = await addRemote(app, slowSource, 200, slow)
        await until(() => slow.now > 0)
        const good = await addRemote(app, goodSource, 20, bytes(picture))
        for (let i = 0; i < 5; i++) good.push(await addUpload(app, picture))
        const left = async () => await statusesOf(app, good)
        await until(async () => (await left()).completed === 25, undefined, left)
        const { pending = 0, processing = 0 } = await statusesOf(app, waiting)
        expect(pending + processing).toBe(200)
        expect(slow.now).toBeGreaterThan(0)
        expect(slow.most).toBeLessThanOrEqual(4)

        const detail = `handed-back: All downloads from 127.0.0.1:${slowSource.port} are taken, and slow`
        const handedBack = () =>
          app.db.selectFrom('events').select('photo_uuid').where('detail', '=', detail).executeTakeFirst()
        await until(async () => (await handedBack()) !== undefined)
        const uuid = (await handedBack())?.photo_uuid ?? ''
        const timeline = await findTimeline(app.db, uuid)
        expect(timeline.map(({ type }) => type).filter((type) => type !== 'image.queued')).toEqual([
          'image.created',
        ])
        expect(timeline).toContainEqual(
          expect.objectContaining({ type: 'image.queued', attempt: null, detail }),
        )
        expect(await findPhoto(app.db, uuid)).toMatchObject({ status: 'pending', attempts: 0 })
      },
      { DOWNLOADS: '8', DOWNLOADS_PER_HOST: '2', DOWNLOAD_TIMEOUT_MS: '300000', PREFETCH: '20' },
    ),
  )

  on('a host that is left alone after three time-outs is probed later, and then as good as any', () =>
    withWorking(
      setup,
      async ({ app, sources: [source] }) => {
        const slow = counting(stalled)
        const photos = await addRemote(app, source, 12, slow)
        const isTold = async () =>
          (
            await app.db
              .selectFrom('events')
              .select('id')
              .where('detail', 'like', 'handed-back: Downloads from 127.0.0.1:%time out one after another')
              .execute()
          ).length > 0
        await until(isTold)
        const metrics = await app.metrics.text(() => Promise.reject(new Error('not read')))
        expect(metrics).toMatch(/^photo_handed_back_total\{reason="circuit"\} [1-9]/m)
        expect(metrics).toMatch(/^photo_download_hosts\{state="(open|half-open)"\} 1$/m)
        await until(() => slow.now === 0)
        source.set('/photo.jpg', bytes(picture))
        const left = async () => await statusesOf(app, photos)
        await until(async () => (await left()).completed === 12, 120_000, left)
      },
      { DOWNLOADS: '8', DOWNLOADS_PER_HOST: '2', DOWNLOAD_TIMEOUT_MS: '300', MAX_ATTEMPTS: '50' },
    ),
  )

  on('a worker that stops hands them back, and counts no attempt', () =>
    withWorking(setup, async ({ app, sources: [source], worker }) => {
      const slow = counting(tarpit)
      const photos = await addRemote(app, source, 12, slow)
      await until(() => slow.now > 0)
      await worker.stop()
      expect(await statusesOf(app, photos)).toEqual({ pending: 12 })
      const rows = await app.db.selectFrom('photos').select(['attempts', 'queued_at']).execute()
      for (const row of rows) expect(row).toEqual({ attempts: 0, queued_at: expect.any(String) })
      expect(slow.now).toBe(0)
    }),
  )
})

const EMBEDDED = SETUPS[0]

test.concurrent('one host has half of the downloads at most', () =>
  withWorking(
    EMBEDDED,
    async ({ app, sources: [source] }) => {
      const counted = counting(delayed(100, bytes(picture)))
      const photos = await addRemote(app, source, 30, counted)
      await until(async () => (await statusesOf(app, photos)).completed === 30)
      expect(counted.most).toBe(4)
    },
    { DOWNLOADS: '8', DOWNLOADS_PER_HOST: '2', PREFETCH: '30' },
  ))

test.concurrent('a redirect counts at the host where it goes', () =>
  withWorking(
    EMBEDDED,
    async ({ app, sources: [from, to] }) => {
      const counted = counting(delayed(100, bytes(picture)))
      to.set('/photo.jpg', counted)
      const photos = await addRemote(app, from, 20, redirect(`${to.url}/photo.jpg`))
      await until(async () => (await statusesOf(app, photos)).completed === 20)
      expect(counted.most).toBeLessThanOrEqual(4)
    },
    { DOWNLOADS: '8', DOWNLOADS_PER_HOST: '2', PREFETCH: '20' },
  ))

test.concurrent('PREFETCH=1 processes one photo at a time', () =>
  withWorking(
    EMBEDDED,
    async ({ app, sources: [source] }) => {
      const counted = counting(delayed(20, bytes(picture)))
      const photos = await addRemote(app, source, 5, counted)
      await until(async () => (await statusesOf(app, photos)).completed === 5)
      expect(counted.most).toBe(1)
      const events = await app.db.selectFrom('events').select(['type', 'photo_uuid']).orderBy('id').execute()
      const steps = events.filter(({ type }) => type === 'image.processing' || type === 'image.uploaded')
      expect(steps.map(({ type }) => type)).toEqual(
        Array(5).fill(['image.processing', 'image.uploaded']).flat(),
      )
    },
    { PREFETCH: '1' },
  ))

test.concurrent('as many sources are read as the memory for them holds', () =>
  withWorking(
    EMBEDDED,
    async ({ app, sources: [source] }) => {
      const [size, part] = [24_000_000, 20_000_000]
      const held: (() => void)[] = []
      const large: Route = (_, response) => {
        response.writeHead(200, { 'content-length': size })
        response.write(Buffer.alloc(part), () => held.push(() => response.end(Buffer.alloc(size - part))))
      }
      const photos = await addRemote(app, source, 6, large)
      await until(() => source.hits.length === 4 && held.length === 2)
      // An upload takes nothing of it.
      const upload = await addUpload(app, picture)
      await until(async () => (await findPhoto(app.db, upload)).status === 'completed')
      expect(held).toHaveLength(2)
      await until(async () => {
        for (const end of held.splice(0)) end()
        return (await statusesOf(app, photos)).failed === 6
      })
    },
    { DOWNLOADS: '8', DOWNLOAD_MEMORY: '60000000', PREFETCH: '30' },
  ))

test.concurrent('stored originals are read when a render is near', () =>
  withWorking(
    EMBEDDED,
    async ({ app, worker }) => {
      await worker.stop()
      const photos = await Promise.all(Array.from({ length: 20 }, () => addUpload(app, picture)))
      const opened = openWorker(app)
      let reads = 0
      const [begun, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      const imaging = {
        ...opened.imaging,
        async render(...task: Parameters<typeof opened.imaging.render>) {
          begun.resolve()
          await released.promise
          return opened.imaging.render(...task)
        },
      }
      const storage = {
        ...app.storage,
        read(...of: Parameters<typeof app.storage.read>) {
          reads++
          return app.storage.read(...of)
        },
      }
      const running = photos.map((photo_uuid) =>
        processPhotoMessage.handle(
          { body: Buffer.from(photo_uuid), headers: {}, redelivered: false },
          { ...opened, imaging, storage },
        ),
      )
      await begun.promise
      await until(() => reads === 4)
      released.resolve()
      await Promise.all(running)
      expect(await statusesOf(app, photos)).toEqual({ completed: 20 })
      await opened.close()
    },
    { WORKER_THREADS: '1' },
  ))
