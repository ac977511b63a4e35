import { randomUUID } from 'node:crypto'
import { mkdir, rmdir, writeFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { nowPlus } from '../../../lib/db/index.ts'
import { processPhoto } from '../../../lib/photos/process.ts'
import { requestProcessing } from '../../../lib/photos/request.ts'
import { sweepPhotos } from '../../../lib/photos/upkeep.ts'
import { insertPhoto } from '../../functions/support.ts'
import { isAvailable, SETUPS } from '../../support/app.ts'
import * as images from '../../support/images.ts'
import { bytes, sequence, status } from '../../support/source-server.ts'
import { makeJpeg } from '../imaging/make-jpeg.ts'
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

const GIVEN_UP = {
  status: 'failed',
  lease_token: null,
  lease_until: null,
  error_code: 'worker-lost',
} as const

/** What another worker, or the sweep, leaves of a photo that it holds no more. */
const giveUp = ({ app }: Pipeline) => app.db.updateTable('photos').set(GIVEN_UP).execute()

async function expectGivenUp(pipeline: Pipeline, uuid: string): Promise<void> {
  const { photo, thumbnails, files } = await inspect(pipeline, uuid)
  expect(photo).toMatchObject(GIVEN_UP)
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
        const uuid = await addPhoto(impatient, async (_, response) => {
          await pipeline.app.db.updateTable('photos').set({ lease_token: other }).execute()
          setTimeout(() => response.end(jpeg), 1000)
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

  on('leaves no file of a photo that another worker gave up while its source came', () =>
    withPipeline(setup, async (pipeline) => {
      const uuid = await addPhoto(pipeline, async (_, response) => {
        await giveUp(pipeline)
        response.end(jpeg)
      })
      expect(await processPhoto(pipeline.app, uuid)).toBe('lost')
      await expectGivenUp(pipeline, uuid)
    }),
  )

  on('leaves no file of a photo that another worker gave up while it was stored', () =>
    withPipeline(setup, async (pipeline) => {
      const { app, source } = pipeline
      const put = async (key: string, data: Uint8Array) => {
        await giveUp(pipeline)
        await app.storage.put(key, data)
      }
      const slow = { source, app: { ...app, storage: { ...app.storage, put } } }
      const { uuid, outcome } = await attempt(slow, jpeg)
      expect(outcome).toBe('lost')
      await expectGivenUp(pipeline, uuid)
    }),
  )

  on('leaves nothing of a completed photo whose source is broken when it is asked for again', () =>
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

test.each([
  ['jpeg', jpeg],
  ['png', await images.png(picture)],
  ['gif', await images.gif(picture)],
  ['bmp', await images.bmp(picture)],
  ['webp', await images.webp(picture)],
])('makes a thumbnail of a %s', async (format, source) => {
  const { uuid, outcome } = await attempt(pipeline(), source)
  expect(outcome).toBe('completed')
  const { thumbnail, data, metadata } = await expectCompleted(pipeline(), uuid)
  const shown = await images.pixels(data)
  expect([...data.subarray(0, 3)]).toEqual([0xff, 0xd8, 0xff])
  expect([shown.width, shown.height]).toEqual([320, 240])
  expect(thumbnail).toMatchObject({ width: 320, height: 240 })
  expect(images.corners(shown)).toEqual(['red', 'green', 'blue', 'yellow'])
  expect(metadata).toMatchObject({ format, width: 400, height: 300, bytes: source.length })
})

const white = (width: number, height: number) =>
  images.rawPng({ width, height, depth: 8, colorType: 0 }, whiteLines(width, height))

function whiteLines(width: number, height: number): Buffer {
  const lines = Buffer.alloc((width + 1) * height, 255)
  for (let y = 0; y < height; y++) lines[y * (width + 1)] = 0
  return lines
}

test.each([
  [1, 1, 1, 1],
  [200, 100, 200, 100],
  [320, 320, 320, 320],
  [321, 320, 320, 319],
  [500, 1000, 160, 320],
  [1, 10_000, 1, 320],
  [40_000, 1000, 320, 8],
])('fits a PNG of %dx%d as %dx%d, never enlarged', async (width, height, fitWidth, fitHeight) => {
  const { uuid } = await attempt(pipeline(), white(width, height))
  const { thumbnail, data, metadata } = await expectCompleted(pipeline(), uuid)
  const shown = await images.pixels(data)
  expect([shown.width, shown.height]).toEqual([fitWidth, fitHeight])
  expect([thumbnail.width, thumbnail.height]).toEqual([fitWidth, fitHeight])
  expect(metadata).toMatchObject({ width, height })
})

test.each([
  [
    'CMYK JPEG',
    'red',
    makeJpeg({ width: 40, height: 24, components: 4, adobe: 0, block: () => [255, 0, 0, 255] }),
  ],
  ['grayscale JPEG', 'grey', makeJpeg({ width: 40, height: 24, components: 1, block: () => [128] })],
  [
    'progressive JPEG',
    'grey',
    makeJpeg({ width: 40, height: 24, frame: 0xc2, block: () => [128, 128, 128] }),
  ],
  [
    '16-bit PNG',
    'blue',
    images.rawPng(
      { width: 40, height: 24, depth: 16, colorType: 2 },
      Buffer.concat(new Array(24).fill(Buffer.from(`00${'00000000ffff'.repeat(40)}`, 'hex'))),
    ),
  ],
] as const)('makes a thumbnail of a %s in its colour', async (_, colour, source) => {
  const { uuid } = await attempt(pipeline(), source)
  const { thumbnail, data } = await expectCompleted(pipeline(), uuid)
  expect(thumbnail).toMatchObject({ width: 40, height: 24 })
  expect(images.corners(await images.pixels(data))).toEqual([colour, colour, colour, colour])
})

// Where the corners of the stored picture are seen once it is shown, by EXIF 2.3.
test.each([
  [1, ['red', 'green', 'blue', 'yellow']],
  [2, ['green', 'red', 'yellow', 'blue']],
  [3, ['yellow', 'blue', 'green', 'red']],
  [4, ['blue', 'yellow', 'red', 'green']],
  [5, ['red', 'blue', 'green', 'yellow']],
  [6, ['blue', 'red', 'yellow', 'green']],
  [7, ['yellow', 'green', 'blue', 'red']],
  [8, ['green', 'yellow', 'red', 'blue']],
])('shows orientation %d upright and drops it', async (orientation, corners) => {
  const { uuid } = await attempt(pipeline(), images.jpegWithOrientation(jpeg, orientation))
  const { thumbnail, data, metadata } = await expectCompleted(pipeline(), uuid)
  const [width, height] = orientation < 5 ? [400, 300] : [300, 400]
  expect(metadata).toMatchObject({ width, height })
  expect(thumbnail).toMatchObject({ width: (width * 4) / 5, height: (height * 4) / 5 })
  expect(images.corners(await images.pixels(data))).toEqual(corners)
  expect(Buffer.from(data).includes('Exif')).toBe(false)
})

test('gives up at once what does not render in time', () =>
  withConfig(pipeline(), { renderTimeoutMs: 1 }, async (hasty) => {
    const { uuid, outcome } = await attempt(hasty, await images.jpeg(large))
    expect(outcome).toBe('failed')
    await expectFailed(hasty, uuid, 'render-timeout')
  }))

test('tries again while nothing can be stored, at most MAX_ATTEMPTS times', async () => {
  const { storageDir } = pipeline().app.config
  const thumbsDir = `${storageDir}/../occupied`
  await mkdir(storageDir, { recursive: true })
  await writeFile(thumbsDir, 'a file where a directory should be')
  await withConfig(pipeline(), { thumbsDir, maxAttempts: 2 }, async (unable) => {
    const { uuid, outcome } = await attempt(unable, jpeg)
    expect(outcome).toBe('retried')
    await expectRetried(unable, uuid, 'internal-fault')
    expect(await processPhoto(unable.app, uuid)).toBe('failed')
    await expectFailed(unable, uuid, 'internal-fault', 2)
  })
})

test('a photo whose files cannot be removed keeps the sweep from no other', async () => {
  const { app } = pipeline()
  const stuck = await insertPhoto(app, { status: 'processing', attempts: 5, lease_token: randomUUID() })
  const lost = await insertPhoto(app, { queued_at: new Date(0).toISOString() })
  const sweep = async () => {
    const lease_until = nowPlus(-1000)
    await app.db.updateTable('photos').set({ lease_until }).where('uuid', '=', stuck).execute()
    await sweepPhotos(app).catch(() => {})
  }
  const inTheWay = `${app.config.thumbsDir}/${stuck.slice(-2)}/${stuck}.jpg`
  await mkdir(inTheWay, { recursive: true })
  await sweep()
  expect((await inspect(pipeline(), lost)).timeline).toMatchObject([{ type: 'image.queued' }])
  await rmdir(inTheWay)
  await sweep()
  await expectFailed(pipeline(), stuck, 'worker-lost', 5)
})

test('waits twice as long after each attempt, by half of it more or less', () =>
  withConfig(pipeline(), { retryBaseMs: 1000, maxAttempts: 3 }, async (slow) => {
    const uuid = await addPhoto(slow, status(500))
    for (const [n, base] of [1000, 2000].entries()) {
      await delay(2)
      const before = Date.now()
      expect(await processPhoto(slow.app, uuid)).toBe('retried')
      const { due } = await expectRetried(slow, uuid, 'source-unavailable', n + 1)
      expect(due.getTime()).toBeGreaterThanOrEqual(before + base / 2)
      expect(due.getTime()).toBeLessThanOrEqual(Date.now() + base + 1)
    }
    expect(await processPhoto(slow.app, uuid)).toBe('failed')
    await expectFailed(slow, uuid, 'source-unavailable', 3)
  }))
