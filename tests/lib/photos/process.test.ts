import { randomUUID } from 'node:crypto'
import { mkdir, rmdir, writeFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { sweep } from '../../../functions/schedules/sweep.ts'
import { nowPlus } from '../../../lib/db/port.ts'
import { openImaging } from '../../../lib/imaging/index.ts'
import { processPhoto } from '../../../lib/photos/process.ts'
import { requestProcessing } from '../../../lib/photos/request.ts'
import { insertPhoto } from '../../functions/support.ts'
import { isAvailable, SETUPS } from '../../support/app.ts'
import * as images from '../../support/images.ts'
import { until } from '../../support/service.ts'
import { bytes, sequence, status } from '../../support/source-server.ts'
import {
  addPhoto,
  attempt,
  expectCompleted,
  expectFailed,
  expectRetried,
  inspect,
  type Pipeline,
  sharedPipeline,
  withConfig,
  withPipeline,
} from './support.ts'

const picture = images.sample(400, 300)
const jpeg = await images.jpeg(picture)
const large = images.paint(2400, 1800, () => images.COLOURS.cyan)

const FAILED = {
  status: 'failed',
  lease_token: null,
  lease_until: null,
  error_code: 'worker-lost',
} as const

/** What another worker, or the sweep, leaves of a photo that it holds no more. */
const failAll = ({ app }: Pipeline) => app.db.updateTable('photos').set(FAILED).execute()

async function expectLeftFailed(pipeline: Pipeline, uuid: string): Promise<void> {
  const { photo, thumbnails, files } = await inspect(pipeline, uuid)
  expect(photo).toMatchObject(FAILED)
  expect({ thumbnails, files }).toEqual({ thumbnails: [], files: [] })
}

describe.for(SETUPS)('processPhoto on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('completes, tries again and gives up, and tells of each step', () =>
    withPipeline(setup, async (pipeline) => {
      const { app } = pipeline
      const done = await attempt(pipeline, jpeg)
      expect(done.outcome).toBe('completed')
      const { timeline, metadata } = await expectCompleted(pipeline, done.uuid)
      expect(timeline.map(({ type }) => type)).toEqual(['image.processing', 'image.uploaded'])
      expect(metadata).toMatchObject({ format: 'jpeg', width: 400, height: 300, bytes: jpeg.length })

      const again = await attempt(pipeline, sequence(status(503), bytes(jpeg)))
      expect(again.outcome).toBe('retried')
      await expectRetried(pipeline, again.uuid, 'source-unavailable')
      expect(await processPhoto(app, again.uuid)).toBe('completed')
      const second = await expectCompleted(pipeline, again.uuid, 2)
      expect(second.timeline.map((event) => [event.type, event.attempt])).toEqual([
        ['image.processing', 1],
        ['image.retrying', 1],
        ['image.queued', 1],
        ['image.processing', 2],
        ['image.uploaded', 2],
      ])

      const gone = await attempt(pipeline, status(404))
      expect(gone.outcome).toBe('failed')
      await expectFailed(pipeline, gone.uuid, 'source-rejected')
      expect(await processPhoto(app, gone.uuid)).toBe('not-claimed')
      expect(await processPhoto(app, randomUUID())).toBe('not-claimed')
    }),
  )

  on('does the same message 50 times at once one single time', () =>
    withPipeline(setup, async (pipeline) => {
      const uuid = await addPhoto(pipeline, jpeg)
      const outcomes = await Promise.all(Array.from({ length: 50 }, () => processPhoto(pipeline.app, uuid)))
      expect(outcomes.sort()).toEqual(['completed', ...new Array(49).fill('not-claimed')])
      const { timeline } = await expectCompleted(pipeline, uuid)
      expect(timeline.map(({ type }) => type)).toEqual(['image.processing', 'image.uploaded'])
      expect(pipeline.source.hits).toHaveLength(1)
    }),
  )

  on('leaves a photo alone that was lost to another worker while its source came', () =>
    withPipeline(setup, (pipeline) =>
      withConfig(pipeline, { leaseMs: 300 }, async (impatient) => {
        const other = randomUUID()
        // The source never comes.
        const uuid = await addPhoto(impatient, async () => {
          await pipeline.app.db.updateTable('photos').set({ lease_token: other }).execute()
        })
        expect(await processPhoto(impatient.app, uuid)).toBe('lost')
        const { photo, thumbnails, files, timeline } = await inspect(impatient, uuid)
        expect(photo).toMatchObject({
          status: 'processing',
          lease_token: other,
          attempts: 1,
          error_code: null,
        })
        expect({ thumbnails, files }).toEqual({ thumbnails: [], files: [] })
        expect(timeline.map(({ type }) => type)).toEqual(['image.processing'])
      }),
    ),
  )

  on('writes nothing to a photo that was lost to another worker while it was rendered', () =>
    withPipeline(setup, async (pipeline) => {
      const { app, source } = pipeline
      const other = randomUUID()
      const render: typeof app.imaging.render = async (...task) => {
        const rendered = await app.imaging.render(...task)
        await app.db.updateTable('photos').set({ lease_token: other }).execute()
        return rendered
      }
      const slow = { source, app: { ...app, imaging: { ...app.imaging, render } } }
      const { uuid, outcome } = await attempt(slow, jpeg)
      expect(outcome).toBe('lost')
      const { photo, thumbnails, timeline } = await inspect(pipeline, uuid)
      expect(photo).toMatchObject({ status: 'processing', lease_token: other, attempts: 1, metadata: null })
      expect(thumbnails).toEqual([])
      expect(timeline.map(({ type }) => type)).toEqual(['image.processing'])
    }),
  )

  on('is done by one of two workers that start on a photo together', () =>
    withPipeline(setup, (pipeline) =>
      withConfig(pipeline, {}, async (other) => {
        const uuid = await addPhoto(pipeline, jpeg)
        const outcomes = await Promise.all([pipeline, other].map(({ app }) => processPhoto(app, uuid)))
        expect(outcomes.sort()).toEqual(['completed', 'not-claimed'])
        const { timeline } = await expectCompleted(pipeline, uuid)
        expect(timeline.map(({ type }) => type)).toEqual(['image.processing', 'image.uploaded'])
        expect(pipeline.source.hits).toHaveLength(1)
      }),
    ),
  )

  on('leaves no file of a photo that another worker gave up while its source came', () =>
    withPipeline(setup, async (pipeline) => {
      const uuid = await addPhoto(pipeline, async (_, response) => {
        await failAll(pipeline)
        response.end(jpeg)
      })
      expect(await processPhoto(pipeline.app, uuid)).toBe('lost')
      await expectLeftFailed(pipeline, uuid)
    }),
  )

  on('leaves no file of a photo that another worker gave up while it was stored', () =>
    withPipeline(setup, async (pipeline) => {
      const { app, source } = pipeline
      const put = async (key: string, data: Uint8Array) => {
        await failAll(pipeline)
        await app.storage.put(key, data)
      }
      const slow = { source, app: { ...app, storage: { ...app.storage, put } } }
      const { uuid, outcome } = await attempt(slow, jpeg)
      expect(outcome).toBe('lost')
      await expectLeftFailed(pipeline, uuid)
    }),
  )

  on('leaves nothing of a completed photo whose source is broken when it is processed again', () =>
    withPipeline(setup, async (pipeline) => {
      const { app } = pipeline
      const { uuid } = await attempt(pipeline, sequence(bytes(jpeg), bytes('no image')))
      await expectCompleted(pipeline, uuid)
      expect(await requestProcessing(app, [uuid], true)).toMatchObject({ accepted: [uuid] })
      expect(await processPhoto(app, uuid)).toBe('failed')
      await expectFailed(pipeline, uuid, 'unsupported-format')
    }),
  )
})

const pipeline = sharedPipeline(SETUPS[0])

test('gives up at once what does not render in time', () =>
  withConfig(pipeline(), { renderTimeoutMs: 1 }, async (hasty) => {
    const { uuid, outcome } = await attempt(hasty, await images.jpeg(large))
    expect(outcome).toBe('failed')
    await expectFailed(hasty, uuid, 'render-timeout')
  }))

test('tries again while nothing can be stored, at most MAX_ATTEMPTS times', async () => {
  const { storageDir } = pipeline().app.config
  const thumbsDir = `${storageDir}/../occupied`
  await mkdir(thumbsDir, { recursive: true })
  for (let i = 0; i < 256; i++)
    await writeFile(`${thumbsDir}/${i.toString(16).padStart(2, '0')}`, 'a file where a directory should be')
  await withConfig(pipeline(), { thumbsDir, maxAttempts: 2 }, async (unable) => {
    const { uuid, outcome } = await attempt(unable, jpeg)
    expect(outcome).toBe('retried')
    await expectRetried(unable, uuid, 'internal-fault')
    expect(await processPhoto(unable.app, uuid)).toBe('failed')
    await expectFailed(unable, uuid, 'internal-fault', 2)
  })
})

test('tries once more what used up the heap of its renderer, however many attempts there are', async () => {
  const program = new URL('../imaging/heapless-renderer.ts', import.meta.url)
  const imaging = openImaging({ threads: 1, maxPixels: 1e6, renderTimeoutMs: 60_000, program })
  const starved = { ...pipeline(), app: { ...pipeline().app, imaging } }
  const { uuid, outcome } = await attempt(starved, jpeg)
  expect(outcome).toBe('retried')
  await expectRetried(starved, uuid, 'render-crashed')
  expect(await processPhoto(starved.app, uuid)).toBe('failed')
  await expectFailed(starved, uuid, 'render-crashed', 2)
  await imaging.close()
})

test('a photo whose files cannot be removed keeps the sweep from no other', async () => {
  const { app } = pipeline()
  const rendering = { lease_token: randomUUID(), render_began_at: new Date().toISOString() }
  const stuck = await insertPhoto(app, { status: 'processing', attempts: 5, ...rendering })
  const lost = await insertPhoto(app, { queued_at: new Date(0).toISOString() })
  const expireAndSweep = async () => {
    const lease_until = nowPlus(-1000)
    await app.db.updateTable('photos').set({ lease_until }).where('uuid', '=', stuck).execute()
    await sweep.run(app).catch(() => {})
  }
  const inTheWay = `${app.config.thumbsDir}/${stuck.slice(-2)}/${stuck}.jpg`
  await mkdir(inTheWay, { recursive: true })
  // Two sweeps must miss its message.
  await until(async () => {
    await expireAndSweep()
    return (await inspect(pipeline(), lost)).timeline.length > 0
  })
  expect((await inspect(pipeline(), lost)).timeline).toMatchObject([{ type: 'image.queued' }])
  await rmdir(inTheWay)
  await expireAndSweep()
  await expectFailed(pipeline(), stuck, 'worker-lost', 5)
})

test('waits twice as long after each attempt, by half of it more or less', () =>
  withConfig(pipeline(), { retryBaseMs: 1000, maxAttempts: 3 }, async (slow) => {
    const uuid = await addPhoto(slow, status(500))
    for (const [n, base] of [1000, 2000].entries()) {
      const before = Date.now()
      expect(await processPhoto(slow.app, uuid)).toBe('retried')
      const { due } = await expectRetried(slow, uuid, 'source-unavailable', n + 1)
      expect(due.getTime()).toBeGreaterThanOrEqual(before + base / 2)
      expect(due.getTime()).toBeLessThanOrEqual(Date.now() + base + 1)
    }
    expect(await processPhoto(slow.app, uuid)).toBe('failed')
    await expectFailed(slow, uuid, 'source-unavailable', 3)
  }))
