import { describe, expect, test } from 'vitest'
import type { PhotoStatus } from '../../../lib/photo-status.ts'
import { requestProcessing } from '../../../lib/photos/request.ts'
import { runRelay, runWorker } from '../../../scripts/serve/roles.ts'
import { addPhoto, expectCompleted, expectFailed, inspect, withPipeline } from '../../lib/photos/support.ts'
import { isAvailable, SETUPS } from '../../support/app.ts'
import { jpeg, sample } from '../../support/images.ts'
import { DEADLINE_MS, until } from '../../support/service.ts'
import { bytes, sequence, status } from '../../support/source-server.ts'
import { eventsOf, insertPhoto } from '../support.ts'
import { deliver, LAST, taken } from './support.ts'

const picture = await jpeg(sample(400, 300))

describe.for(SETUPS)('processPhotoMessage on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('ignores a message for a photo that is completed, failed, init or being processed', () =>
    withPipeline(setup, async (pipeline) => {
      const { app } = pipeline
      const states: PhotoStatus[] = ['completed', 'failed', 'init', 'processing']
      const uuids = await Promise.all(states.map((status) => insertPhoto(app, { status })))
      const before = await Promise.all(uuids.map((uuid) => inspect(pipeline, uuid)))
      await deliver(app, uuids)
      const after = await Promise.all(uuids.map((uuid) => inspect(pipeline, uuid)))
      expect(after).toEqual(before)
      expect(after.map(({ timeline }) => timeline)).toEqual([[], [], [], []])
      expect(await taken(app, 'dead')).toEqual([])
    }),
  )

  on('does the same message 50 times at once one single time', () =>
    withPipeline(setup, async (pipeline) => {
      const { app, source } = pipeline
      const uuid = await addPhoto(pipeline, picture)
      const worker = await runWorker(app)
      const messages = Array.from({ length: 50 }, (_, i) => ({
        id: String(i),
        to: 'work' as const,
        key: '',
        body: { photo_uuid: uuid },
      }))
      expect((await app.queue.publish(messages, 5_000)).size).toBe(50)
      await until(async () => (await inspect(pipeline, uuid)).photo.status === 'completed')
      // What comes after all of them has been handled.
      await app.queue.publish([{ id: LAST, to: 'work', key: '', body: LAST }], DEADLINE_MS)
      await until(async () => (await eventsOf(app, 'message.dead')).length === 1)
      await worker.stop()
      await expectCompleted(pipeline, uuid)
      expect(await eventsOf(app, 'image.processing')).toHaveLength(1)
      expect(await eventsOf(app, 'image.uploaded')).toHaveLength(1)
      expect(source.hits).toHaveLength(1)
      expect(await taken(app, 'work')).toEqual([])
    }),
  )

  on('tries again by itself until it succeeds or MAX_ATTEMPTS are used up', () =>
    withPipeline(
      setup,
      async (pipeline) => {
        const { app, source } = pipeline
        const recovers = await addPhoto(pipeline, sequence(status(503), status(500), bytes(picture)))
        const never = await addPhoto(pipeline, status(503))
        const rejected = await addPhoto(pipeline, status(404))
        const uuids = [recovers, never, rejected]
        const running = [await runWorker(app), await runRelay(app)]
        await requestProcessing(app, uuids, false)
        const finished = async (uuid: string) =>
          /completed|failed/.test((await inspect(pipeline, uuid)).photo.status)
        await until(async () => (await Promise.all(uuids.map(finished))).every(Boolean))
        await Promise.all(running.map((part) => part.stop()))
        await expectCompleted(pipeline, recovers, 3)
        const { timeline } = await expectFailed(pipeline, never, 'source-unavailable', 3)
        expect(timeline.map((event) => [event.type, event.attempt])).toEqual([
          ['image.queued', null],
          ['image.processing', 1],
          ['image.retrying', 1],
          ['image.queued', 1],
          ['image.processing', 2],
          ['image.retrying', 2],
          ['image.queued', 2],
          ['image.processing', 3],
          ['image.failed', 3],
        ])
        await expectFailed(pipeline, rejected, 'source-rejected')
        expect(source.hits).toHaveLength(7)
      },
      { MAX_ATTEMPTS: '3' },
    ),
  )
})
