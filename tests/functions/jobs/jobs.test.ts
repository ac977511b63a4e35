import { uuidv7 } from 'uuidv7'
import { describe, expect, test } from 'vitest'
import { processPhoto } from '../../../lib/photos/process.ts'
import { isAvailable, SETUPS, withWorker } from '../../support/app.ts'
import { jpeg, pixels, sample } from '../../support/images.ts'
import { bytes, openSourceServer } from '../../support/source-server.ts'
import { eventsOf, post, withServer } from '../support.ts'

type Job = { jobId: string; status: string; resultUrl: string | null; errorMessage: string | null }

describe.for(SETUPS)('jobs on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('a job is queued, made, and found under its result URL', () =>
    withWorker(setup, (app) =>
      withServer(app, async (url) => {
        const source = await openSourceServer({ '/a.jpg': bytes(await jpeg(sample(600, 400))) })
        const body = { imageUrl: `${source.url}/a.jpg`, transformations: ['cover:100x50', 'format:jpeg'] }
        const answer = await post(`${url}/api/v1/images/process`, body)
        const { jobId } = (await answer.json()) as Job
        expect([answer.status, answer.headers.get('location')]).toEqual([
          202,
          `${app.config.publicUrl}/api/v1/images/jobs/${jobId}`,
        ])
        const show = async () => (await (await fetch(`${url}/api/v1/images/jobs/${jobId}`)).json()) as Job
        expect(await show()).toEqual({ jobId, status: 'PENDING', resultUrl: null, errorMessage: null })
        expect(await eventsOf(app, 'image.queued')).toMatchObject([{ photo_uuid: jobId }])
        expect(await processPhoto(app, jobId)).toBe('completed')
        const { status, resultUrl } = await show()
        expect([status, resultUrl]).toEqual([
          'COMPLETED',
          expect.stringMatching(new RegExp(`/${jobId}\\.jpg$`)),
        ])
        const file = await fetch(`${url}${new URL(resultUrl ?? '').pathname}`)
        expect(await pixels(new Uint8Array(await file.arrayBuffer()))).toMatchObject({
          width: 100,
          height: 50,
        })
        await source.close()
      }),
    ),
  )

  on('a job that fails says why', () =>
    withWorker(setup, (app) =>
      withServer(app, async (url) => {
        const source = await openSourceServer({ '/a.jpg': bytes(await jpeg(sample(60, 40))) })
        const body = { imageUrl: `${source.url}/a.jpg`, transformations: ['crop:50,0,20,10'] }
        const { jobId } = (await (await post(`${url}/api/v1/images/process`, body)).json()) as Job
        expect(await processPhoto(app, jobId)).toBe('failed')
        expect(await (await fetch(`${url}/api/v1/images/jobs/${jobId}`)).json()).toEqual({
          jobId,
          status: 'FAILED',
          resultUrl: null,
          errorMessage: 'result: The crop reaches beyond 60x40',
        })
        await source.close()
      }),
    ),
  )
})

test.each([
  [{ imageUrl: 'photo.jpg', transformations: [] }, '/imageUrl'],
  [{ imageUrl: 'file:///etc/passwd', transformations: [] }, '/imageUrl'],
  [{ imageUrl: 'data:image/png;base64,AA', transformations: [] }, '/imageUrl'],
  [{ imageUrl: 'https://user:word@example.com/a.jpg', transformations: [] }, '/imageUrl'],
  [{ imageUrl: `https://example.com/${'a'.repeat(10_000)}`, transformations: [] }, '/imageUrl'],
  [{ imageUrl: 'http://169.254.169.254/', transformations: [] }, '/imageUrl'],
  [{ imageUrl: 'https://example.com/a.jpg' }, '/transformations'],
  [{ imageUrl: 'https://example.com/a.jpg', transformations: 'fit:1x1' }, '/transformations'],
  [{ imageUrl: 'https://example.com/a.jpg', transformations: [1] }, '/transformations/0'],
  [{ imageUrl: 'https://example.com/a.jpg', transformations: ['fit:1x1', 'swirl'] }, '/transformations/1'],
])('refuses %j, naming %s, and queues nothing', (body, pointer) =>
  withWorker(SETUPS[0], (app) =>
    withServer(app, async (url) => {
      const answer = await post(`${url}/api/v1/images/process`, body)
      expect(answer.status).toBe(422)
      const { errors } = (await answer.json()) as { errors: { pointer: string }[] }
      expect(errors[0]?.pointer).toBe(pointer)
      expect(await app.db.selectFrom('photos').select('uuid').execute()).toEqual([])
    }),
  ),
)

test('an unknown job is 404, Job not found', () =>
  withWorker(SETUPS[0], (app) =>
    withServer(app, async (url) => {
      for (const id of [uuidv7(), 'nonsense']) {
        const answer = await fetch(`${url}/api/v1/images/jobs/${id}`)
        expect([answer.status, await answer.json()]).toEqual([
          404,
          expect.objectContaining({ detail: 'Job not found' }),
        ])
      }
    }),
  ))
