import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { NO_OWNER } from '../../../lib/access/caller.ts'
import { imageRecipe, THUMBNAIL_RECIPE } from '../../../lib/imaging/recipe.ts'
import { addPhotos } from '../../../lib/photos/add.ts'
import { processPhoto } from '../../../lib/photos/process.ts'
import { requestProcessing } from '../../../lib/photos/request.ts'
import { takeFile } from '../../../lib/photos/take-file.ts'
import { originalKey } from '../../../lib/storage/port.ts'
import { insertPhoto } from '../../functions/support.ts'
import { isAvailable, SETUPS, withInlineWorker } from '../../support/app.ts'
import { jpeg, pixels, sample } from '../../support/images.ts'
import { bytes } from '../../support/source-server.ts'
import { expectCompleted, expectFailed, inspect, sharedPipeline, withPipeline } from './support.ts'

const picture = await jpeg(sample(400, 300))
const pipeline = sharedPipeline(SETUPS[0])

/** Runs `use` as a later version would, whose thumbnails fit a square of `side` px. */
async function withThumbnailsOf(side: number, use: () => Promise<void>): Promise<void> {
  const { renditions } = THUMBNAIL_RECIPE
  THUMBNAIL_RECIPE.renditions = imageRecipe(side).renditions
  try {
    await use()
  } finally {
    THUMBNAIL_RECIPE.renditions = renditions
  }
}

describe.for(SETUPS)('a row inserted by hand on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('needs nothing but a URL', () =>
    withPipeline(setup, async ({ app, source }) => {
      source.set('/photo.jpg', bytes(picture))
      const url = `${source.url}/photo.jpg`
      const { uuid, ...row } = await app.db
        .insertInto('photos')
        .values({ url })
        .returningAll()
        .executeTakeFirstOrThrow()
      expect(row).toMatchObject({
        status: 'pending',
        attempts: 0,
        queued_at: null,
        recipe: null,
        door: 'photos',
      })
      expect(uuid).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
      expect(await processPhoto(app, uuid)).toBe('completed')
      const { thumbnail } = await expectCompleted({ app }, uuid)
      expect(thumbnail).toMatchObject({ width: 320, height: 240 })
    }),
  )

  on('keeps the size that it was made with, as photos of the doors do, when the default changes', () =>
    withPipeline(setup, async (pipeline) => {
      const { app, source } = pipeline
      source.set('/photo.jpg', bytes(picture))
      const url = `${source.url}/photo.jpg`
      const byHand = await insertPhoto(app, { url })
      const [added] = await addPhotos(app, [{ url, door: 'photos' }])
      const uploaded = await takeFile(app, 'photo.jpg', Readable.from([picture]), {
        owner: NO_OWNER,
        maxBytes: app.config.maxSourceBytes,
      })
      const all = [byHand, `${added?.uuid}`, uploaded.uuid]
      expect(await processPhoto(app, byHand)).toBe('completed')
      await withThumbnailsOf(100, async () => {
        await requestProcessing(app, all, true)
        for (const uuid of all) {
          expect(await processPhoto(app, uuid)).toBe('completed')
          expect((await inspect(pipeline, uuid)).thumbnails).toMatchObject([{ width: 320, height: 240 }])
        }
      })
    }),
  )

  on('is processed from a stored original, which stays', () =>
    withInlineWorker(setup, async (app) => {
      const url = originalKey(randomUUID())
      await app.storage.put(url, picture)
      const uuid = await insertPhoto(app, { url })
      expect(await processPhoto(app, uuid)).toBe('completed')
      const { data } = await expectCompleted({ app }, uuid)
      expect((await pixels(data)).width).toBe(320)
      expect(await app.storage.read(url, picture.length)).toEqual(picture)
    }),
  )

  on('fails as source-missing where the original is not stored', () =>
    withInlineWorker(setup, async (app) => {
      const uuid = await insertPhoto(app, { url: originalKey(randomUUID()) })
      expect(await processPhoto(app, uuid)).toBe('failed')
      await expectFailed({ app }, uuid, 'source-missing')
    }),
  )

  on('fails as invalid-source where the text is no URL', () =>
    withInlineWorker(setup, async (app) => {
      const uuid = await insertPhoto(app, { url: '../../etc/passwd' })
      expect(await processPhoto(app, uuid)).toBe('failed')
      const { timeline } = await expectFailed({ app }, uuid, 'invalid-source')
      expect(timeline.map(({ type }) => type)).toEqual(['image.processing', 'image.failed'])
    }),
  )
})

const TEXTS = {
  'a path above': '../../etc/passwd',
  'an absolute path': '/etc/passwd',
  'a file URL': 'file:///etc/passwd',
  'a key that climbs': 'originals/../../x',
  'a key that climbs in code': 'originals/%2e%2e/%2e%2e/x',
  'a key with backslashes': 'originals\\..\\..\\x',
  'a key of a hidden file': 'originals/.upload-secret',
  'a key of a half-written file': `originals/.${randomUUID()}.part`,
  'a key of another root': `secrets/${randomUUID()}`,
  'a key with a slash at its end': `originals/${randomUUID()}/`,
  'the root alone': 'originals/',
  nothing: '',
  spaces: '   ',
  '10 kB of text': 'x'.repeat(10_240),
  'a URL of 10 kB': `http://127.0.0.1/${'x'.repeat(10_240)}`,
  'a key of 10 kB': `originals/${'x'.repeat(10_240)}`,
  'control characters': '\u0001\u0002\n\t\u007f',
  'a URL with a line break': 'http://127.0.0.1/\r\nHost: evil',
  'a key with a line break': `originals/${randomUUID()}\n`,
  'a URL with a password': 'http://user:secret@127.0.0.1/photo.jpg',
  'another scheme': 'ftp://127.0.0.1/photo.jpg',
  'a data URL': `data:image/jpeg;base64,${picture.toString('base64')}`,
  'an SQL statement': "'; drop table photos; --",
}

test.each(Object.entries(TEXTS))('fails as invalid-source at once on %s', async (_, url) => {
  const { app, source } = pipeline()
  const uuid = await insertPhoto(app, { url })
  expect(await processPhoto(app, uuid)).toBe('failed')
  const { photo } = await expectFailed(pipeline(), uuid, 'invalid-source')
  expect(photo.error).not.toMatch(/passwd|secret|xxx/)
  expect(source.hits).toEqual([])
})

test('never takes the thumbnail of another photo for an original', async () => {
  const { app, source } = pipeline()
  const victim = randomUUID()
  const url = `thumbs/${victim.slice(-2)}/${victim}.jpg`
  await app.storage.put(url, picture)
  const uuid = await insertPhoto(app, { url })
  expect(await processPhoto(app, uuid)).toBe('failed')
  await expectFailed(pipeline(), uuid, 'invalid-source')
  expect((await inspect(pipeline(), uuid)).photo.url).toBe(url)
  expect(source.hits).toEqual([])
})

test('fails as source-changed where the original is not the one that was confirmed', async () => {
  const { app } = pipeline()
  const url = originalKey(randomUUID())
  await app.storage.put(url, picture)
  const confirmed = await app.storage.head(url)
  await app.storage.put(url, await jpeg(sample(30, 20)))
  const uuid = await insertPhoto(app, { url, source_etag: confirmed?.etag ?? '' })
  expect(await processPhoto(app, uuid)).toBe('failed')
  await expectFailed(pipeline(), uuid, 'source-changed')
})
