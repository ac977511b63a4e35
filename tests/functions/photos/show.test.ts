import { uuidv7 } from 'uuidv7'
import { describe, expect, test } from 'vitest'
import { show } from '../../../functions/photos/show.ts'
import { addPhotos } from '../../../lib/photos/add.ts'
import { processPhoto } from '../../../lib/photos/process.ts'
import { requestProcessing } from '../../../lib/photos/request.ts'
import type { WorkerApp } from '../../../lib/worker.ts'
import { isAvailable, SETUPS, withApp, withInlineWorker } from '../../support/app.ts'
import { jpeg, sample } from '../../support/images.ts'
import { bytes, openSourceServer, type Route, sequence, status } from '../../support/source-server.ts'
import { at, call, insertPhoto, problemOf, withServer } from '../support.ts'

const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
const UUID = expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)

/** What is shown of a photo whose source is answered so, once it has been processed so many times. */
async function processed(app: WorkerApp, source: Route, times: number) {
  const server = await openSourceServer({ '/photo.jpg': source })
  try {
    const [photo] = await addPhotos(app, [{ url: `${server.url}/photo.jpg`, door: 'photos', name: 'sample' }])
    const uuid = photo?.uuid ?? ''
    await requestProcessing(app, [uuid], false)
    for (let i = 0; i < times; i++) await processPhoto(app, uuid)
    return { uuid, url: photo?.url, shown: (await call(show, app, { params: { uuid } })).body }
  } finally {
    await server.close()
  }
}

describe.for(SETUPS)('GET /photos/{uuid} on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('shows a completed photo with its thumbnail and everything that happened to it', () =>
    withInlineWorker(setup, async (app) => {
      const image = bytes(await jpeg(sample(640, 480)))
      const { uuid, url, shown } = await processed(app, image, 1)
      const event = { id: UUID, at: TIME, detail: null }
      expect(shown).toEqual({
        uuid,
        url,
        status: 'completed',
        door: 'photos',
        project_id: null,
        name: 'sample',
        reference: null,
        labels: {},
        attempts: 1,
        error: null,
        retry: null,
        created_at: TIME,
        updated_at: TIME,
        metadata: expect.objectContaining({ width: 640, height: 480, format: 'jpeg' }),
        thumbnails: [
          {
            uuid: UUID,
            name: 'thumbnail',
            width: 320,
            height: 240,
            url: expect.stringMatching(new RegExp(`^[^/].*${uuid}\\.jpg$`)),
            created_at: TIME,
          },
        ],
        timeline: [
          { ...event, type: 'image.created', attempt: null },
          { ...event, type: 'image.queued', attempt: null },
          { ...event, type: 'image.processing', attempt: 1 },
          { ...event, type: 'image.uploaded', attempt: 1 },
        ],
      })
    }),
  )

  on('shows why a photo failed, and no thumbnail', () =>
    withInlineWorker(setup, async (app) => {
      const { shown } = await processed(app, bytes('no image at all'), 1)
      expect(shown).toMatchObject({
        status: 'failed',
        attempts: 1,
        error: { code: 'unsupported-format', message: expect.any(String) },
        thumbnails: [],
        metadata: null,
        timeline: [
          {},
          {},
          {},
          { type: 'image.failed', attempt: 1, detail: expect.stringMatching(/^unsupported/) },
        ],
      })
    }),
  )

  on('shows each attempt of a photo whose source answered at last', () =>
    withInlineWorker(setup, async (app) => {
      const source = sequence(status(503), bytes(await jpeg(sample(32, 32))))
      const { shown } = await processed(app, source, 2)
      expect(shown).toMatchObject({
        status: 'completed',
        attempts: 2,
        error: null,
        timeline: [
          { type: 'image.created', attempt: null },
          { type: 'image.queued', attempt: null },
          { type: 'image.processing', attempt: 1 },
          { type: 'image.retrying', attempt: 1, detail: expect.stringMatching(/503/) },
          { type: 'image.queued', attempt: 1, detail: null },
          { type: 'image.processing', attempt: 2 },
          { type: 'image.uploaded', attempt: 2 },
        ],
      })
    }),
  )

  on('shows a photo that nobody touched, whatever the case of its uuid', () =>
    withApp(setup, async (app) => {
      const uuid = await insertPhoto(app, { created_at: at(0), updated_at: at(0) })
      await insertPhoto(app)
      const { body } = await call(show, app, { params: { uuid: uuid.toUpperCase() } })
      expect(body).toMatchObject({ uuid, status: 'pending', attempts: 0, thumbnails: [], timeline: [] })
    }),
  )

  on('answers 404 for an unknown uuid, and for what is none', () =>
    withApp(setup, async (app) => {
      const uuid = await insertPhoto(app)
      await withServer(app, async (url) => {
        const ids = [
          uuidv7(),
          'nonsense',
          '0',
          `${uuid}0`,
          `${uuid}%20`,
          `{${uuid}}`,
          '%00',
          "'",
          '%E2%82%AC',
        ]
        for (const id of [...ids, `urn:uuid:${uuid}`]) {
          const problem = await problemOf(await fetch(`${url}/photos/${id}`), 404)
          expect.soft(problem.code, id).toBe('not-found')
        }
        expect((await fetch(`${url}/photos/${uuid}`)).status).toBe(200)
      })
    }),
  )
})
