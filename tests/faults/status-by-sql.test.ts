import { describe, expect, test } from 'vitest'
import { processPhotoMessage } from '../../functions/consumers/process-photo.ts'
import { sweep } from '../../functions/schedules/sweep.ts'
import type { App } from '../../lib/app.ts'
import { claim, complete } from '../../lib/photos/attempt.ts'
import { findPending } from '../../lib/photos/list.ts'
import { processPhoto } from '../../lib/photos/process.ts'
import { requestProcessing } from '../../lib/photos/request.ts'
import { showPhoto } from '../../lib/photos/show.ts'
import { runWorker } from '../../scripts/serve/roles.ts'
import { eventsOf, insertPhoto, READER } from '../functions/support.ts'
import { addPhoto, expectCompleted, inspect, type Pipeline, withPipeline } from '../lib/photos/support.ts'
import { isAvailable, SETUPS } from '../support/app.ts'
import { jpeg, sample } from '../support/images.ts'
import { until } from '../support/service.ts'

const picture = await jpeg(sample(400, 300))

const setStatus = (app: App, uuid: string, status: 'init' | 'pending' | 'processing') =>
  app.db.updateTable('photos').set({ status }).where('uuid', '=', uuid).execute()

/** A photo that was requested and is completed. */
async function completedPhoto(pipeline: Pipeline): Promise<string> {
  const uuid = await addPhoto(pipeline, picture)
  await requestProcessing(pipeline.app, [uuid], false)
  expect(await processPhoto(pipeline.app, uuid)).toBe('completed')
  return uuid
}

/** Runs a worker until the photo is completed by it. */
async function untilCompleted(pipeline: Pipeline, uuid: string): Promise<void> {
  const worker = await runWorker(pipeline.app)
  await until(async () => (await inspect(pipeline, uuid)).photo.status === 'completed')
  await worker.stop()
}

describe.for(SETUPS)('a status set by SQL on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('processing, without a lease, is an expired one, and no dead worker', () =>
    withPipeline(setup, async (pipeline) => {
      const { app } = pipeline
      const uuid = await completedPhoto(pipeline)
      await app.db.updateTable('photos').set({ attempts: 5 }).where('uuid', '=', uuid).execute()
      await setStatus(app, uuid, 'processing')
      await sweep.run(app)
      const { photo } = await inspect(pipeline, uuid)
      expect(photo).toMatchObject({ status: 'pending', queued_at: expect.any(String), attempts: 0 })
      await untilCompleted(pipeline, uuid)
      await expectCompleted(pipeline, uuid)
    }),
  )

  on('pending, after it was completed, waits to be requested and is then queued', () =>
    withPipeline(setup, async (pipeline) => {
      const { app } = pipeline
      const uuid = await completedPhoto(pipeline)
      await setStatus(app, uuid, 'pending')
      expect((await findPending(app.db, { limit: 10 })).items).toMatchObject([{ uuid, queued_at: null }])
      const before = await eventsOf(app, 'image.queued')
      expect(await requestProcessing(app, [uuid], false)).toMatchObject({ accepted: [uuid] })
      expect(await eventsOf(app, 'image.queued')).toHaveLength(before.length + 1)
      await untilCompleted(pipeline, uuid)
    }),
  )

  on(
    'pending, after it failed, has no error, and a message that names it begins with the first attempt',
    () =>
      withPipeline(setup, async (pipeline) => {
        const { app } = pipeline
        const uuid = await addPhoto(pipeline, picture)
        const failed = {
          status: 'failed',
          attempts: 5,
          error_code: 'source-unavailable',
          error: 'It was away',
        } as const
        await app.db.updateTable('photos').set(failed).where('uuid', '=', uuid).execute()
        await setStatus(app, uuid, 'pending')
        expect(showPhoto((await inspect(pipeline, uuid)).photo, [], READER)).toMatchObject({ error: null })
        await processPhotoMessage.handle({ body: Buffer.from(uuid), headers: {}, redelivered: false }, app)
        await expectCompleted(pipeline, uuid)
      }),
  )

  on('pending, while a worker holds it, takes it from that worker and waits to be requested', () =>
    withPipeline(setup, async (pipeline) => {
      const { app } = pipeline
      const uuid = await addPhoto(pipeline, picture)
      await requestProcessing(app, [uuid], false)
      const attempt = await claim(app, uuid)
      if (!attempt) throw new Error('not claimed')
      await setStatus(app, uuid, 'pending')
      expect(await complete(app, attempt, [], {})).toBe(false)
      await sweep.run(app)
      expect((await inspect(pipeline, uuid)).photo).toMatchObject({ status: 'pending', queued_at: null })
      await requestProcessing(app, [uuid], false)
      await untilCompleted(pipeline, uuid)
      await expectCompleted(pipeline, uuid)
    }),
  )

  on('init, of what nobody can upload, fails when the time for an upload is over', () =>
    withPipeline(setup, async (pipeline) => {
      const { app } = pipeline
      const created_at = new Date(Date.now() - 3_600_000).toISOString()
      const uuid = await insertPhoto(app, { created_at })
      await setStatus(app, uuid, 'init')
      await sweep.run(app)
      expect((await inspect(pipeline, uuid)).photo).toMatchObject({
        status: 'failed',
        error_code: 'upload-expired',
      })
    }),
  )
})
