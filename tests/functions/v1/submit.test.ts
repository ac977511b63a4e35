import { describe, expect, test } from 'vitest'
import { processPhoto } from '../../../lib/photos/process.ts'
import { isAvailable, SETUPS, withApp, withEnvironment, withInlineWorker } from '../../support/app.ts'
import { jpeg, pixels, sample } from '../../support/images.ts'
import { startScript } from '../../support/service.ts'
import { bytes, openSourceServer } from '../../support/source-server.ts'
import { eventsOf, post, problemOf, withServer } from '../support.ts'
import { A, countJobs, type Job, setStatus, submit } from './support.ts'

describe.for(SETUPS)('POST /v1/images on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('a job is queued at once, and shows what the original is when it is done', () =>
    withInlineWorker(
      setup,
      (app) =>
        withServer(app, async (url) => {
          const source = await openSourceServer({ '/a.jpg': bytes(await jpeg(sample(600, 400))) })
          const answer = await post(`${url}/v1/images`, { url: `${source.url}/a.jpg` })
          const job = (await answer.json()) as Job
          expect(answer.status).toBe(202)
          expect(answer.headers.get('location')).toBe(`${app.config.publicUrl}/v1/images/${job.id}`)
          const waiting = {
            url: `${source.url}/a.jpg`,
            status: 'pending',
            attempts: 0,
            result: null,
            error: null,
          }
          expect(job).toMatchObject(waiting)
          expect(await eventsOf(app, 'image.queued')).toMatchObject([{ photo_uuid: job.id }])
          const early = await fetch(`${url}/v1/images/${job.id}/thumbnail`)
          expect((await problemOf(early, 404)).detail).toBe('Thumbnail unavailable')
          expect(await processPhoto(app, job.id)).toBe('completed')
          const shown = (await (await fetch(`${url}/v1/images/${job.id}`)).json()) as Job
          expect(shown).toMatchObject({
            id: job.id,
            status: 'completed',
            attempts: 1,
            error: null,
            result: {
              width: 600,
              height: 400,
              format: 'jpeg',
              size_bytes: expect.any(Number),
              thumbnail_path: `${job.id.slice(-2)}/${job.id}.jpg`,
              source_content_type: 'image/jpeg',
              source_url: `${source.url}/a.jpg`,
              exif: null,
            },
          })
          const thumbnail = await fetch(`${url}/v1/images/${job.id}/thumbnail`)
          expect([thumbnail.status, thumbnail.headers.get('content-type')]).toEqual([200, 'image/jpeg'])
          const size = await pixels(new Uint8Array(await thumbnail.arrayBuffer()))
          expect(size).toMatchObject({ width: 128, height: 85 })
          const etag = thumbnail.headers.get('etag') ?? ''
          const known = await fetch(thumbnail.url, { headers: { 'if-none-match': etag } })
          expect(known.status).toBe(304)
          await source.close()
        }),
      { THUMBNAIL_SIZE: '128' },
    ),
  )

  on('allow-retry: every submission is a new job', () =>
    withApp(setup, (app) =>
      withServer(app, async (url) => {
        const jobs = [await submit(url, A), await submit(url, A)]
        expect(jobs.map(({ status_code }) => status_code)).toEqual([202, 202])
        expect(new Set(jobs.map(({ id }) => id)).size).toBe(2)
      }),
    ),
  )

  on('reuse-completed: the completed job of the same URL, however it is written, else a new one', () =>
    withApp(
      setup,
      (app) =>
        withServer(app, async (url) => {
          const first = await submit(url, A)
          const second = await submit(url, A)
          expect([second.status_code, second.id === first.id]).toEqual([202, false])
          await setStatus(app, first.id, 'completed')
          const again = await submit(url, 'HTTPS://EXAMPLE.com:443/x/../a.jpg#fragment')
          expect(again).toMatchObject({ status_code: 200, id: first.id })
          expect(again.location).toBe(`${app.config.publicUrl}/v1/images/${first.id}`)
          expect((await submit(url, `${A}?other`)).status_code).toBe(202)
        }),
      { DUPLICATE_HANDLING: 'reuse-completed' },
    ),
  )

  on('reject-active: of 32 submissions at once one is accepted; after its end another may come', () =>
    withApp(
      setup,
      (app) =>
        withServer(app, async (url) => {
          const answers = await Promise.all(Array.from({ length: 32 }, () => submit(url, A)))
          const accepted = answers.filter(({ status_code }) => status_code === 202)
          expect(accepted).toHaveLength(1)
          const refused = answers.filter(({ status_code }) => status_code === 409)
          expect(refused).toHaveLength(31)
          for (const answer of refused)
            expect(answer).toMatchObject({ code: 'already-active', job_id: accepted[0]?.id })
          expect(await countJobs(app)).toBe(1)
          await setStatus(app, accepted[0]?.id ?? '', 'processing')
          expect((await submit(url, A)).status_code).toBe(409)
          await setStatus(app, accepted[0]?.id ?? '', 'failed')
          expect((await submit(url, A)).status_code).toBe(202)
        }),
      { DUPLICATE_HANDLING: 'reject-active' },
    ),
  )
})

test.skipIf(!isAvailable(SETUPS[1]))(
  'reject-active holds between two api processes: of 32 submissions at once one is accepted',
  () =>
    withEnvironment(SETUPS[1], async (given) => {
      const env = { ...given, DUPLICATE_HANDLING: 'reject-active' }
      const apis = [await startScript('api', env, /Try: curl/), await startScript('api', env, /Try: curl/)]
      for (const image of [A, `${A}?2`, `${A}?3`]) {
        const answers = await Promise.all(
          Array.from({ length: 32 }, (_, i) => submit(apis[i % 2]?.url ?? '', image)),
        )
        const codes = answers.map(({ status_code }) => status_code).sort()
        expect(codes).toEqual([202, ...Array(31).fill(409)])
      }
      for (const api of apis) await api.kill('SIGTERM')
    }),
)

test('refuses what is no URL of an image, 422 at /url, and queues nothing', () =>
  withApp(SETUPS[0], (app) =>
    withServer(app, async (url) => {
      const wrong = [
        ['example.com/a.jpg', 'invalid-source'],
        ['', 'invalid-source'],
        ['file:///etc/passwd', 'invalid-source'],
        ['data:image/png;base64,AA', 'invalid-source'],
        [`https://example.com/${'a'.repeat(10_240)}`, 'invalid-source'],
        ['https://user:word@example.com/a.jpg', 'invalid-source'],
        ['http://127.0.0.2/a.jpg', 'blocked-address'],
        ['http://[::ffff:169.254.169.254]/', 'blocked-address'],
      ] as const
      for (const [image, code] of wrong) {
        const problem = await problemOf(await post(`${url}/v1/images`, { url: image }), 422)
        expect(problem).toMatchObject({ code, errors: [{ pointer: '/url' }] })
      }
      for (const body of [{}, { url: 1 }, { url: A, more: 1 }, [A]])
        expect((await problemOf(await post(`${url}/v1/images`, body), 422)).code).toBe('invalid')
      expect(await countJobs(app)).toBe(0)
    }),
  ))

test('a unicode host is taken as its ASCII form says it', () =>
  withApp(
    SETUPS[0],
    (app) =>
      withServer(app, async (url) => {
        const first = await submit(url, 'https://bücher.example/a.jpg')
        expect(first.status_code).toBe(202)
        expect(await submit(url, 'https://xn--bcher-kva.example/a.jpg')).toMatchObject({ job_id: first.id })
      }),
    { DUPLICATE_HANDLING: 'reject-active' },
  ))
