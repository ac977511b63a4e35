import { describe, expect, test } from 'vitest'
import { probe } from '../../../lib/imaging/probe.ts'
import { processPhoto } from '../../../lib/photos/process.ts'
import { findPhoto } from '../../../lib/photos/row.ts'
import type { WorkerApp } from '../../../lib/worker.ts'
import { isAvailable, SETUPS, type Setup, withInlineWorker } from '../../support/app.ts'
import { jpeg, pixels, sample } from '../../support/images.ts'
import { bytes, openSourceServer } from '../../support/source-server.ts'
import { eventsOf, post, problemOf, withServer } from '../support.ts'

const PHOTO = bytes(await jpeg(sample(60, 40)))

type Job = { jobId: string; status: string; resultUrl: string | null; errorMessage: string | null }

/** Runs `use` with a server, and a photo of 60x40 to submit. */
const withJobs = (setup: Setup, use: (jobs: Jobs) => Promise<void>): Promise<void> =>
  withInlineWorker(setup, (app) =>
    withServer(app, async (url) => {
      const source = await openSourceServer({ '/a.jpg': PHOTO })
      const showJob = async (jobId: string) =>
        (await (await fetch(`${url}/api/v1/images/jobs/${jobId}`)).json()) as Job
      try {
        await use({
          app,
          url,
          source: source.url,
          showJob,
          submit: async (transformations) => {
            const body = { imageUrl: `${source.url}/a.jpg`, transformations }
            return ((await (await post(`${url}/api/v1/images/process`, body)).json()) as Job).jobId
          },
          download: async (jobId) => {
            const { resultUrl } = await showJob(jobId)
            const file = await fetch(
              resultUrl?.replace(app.config.publicUrl, url) ?? expect.fail('no result'),
            )
            const [type, etag] = [file.headers.get('content-type'), file.headers.get('etag')]
            return { resultUrl, type, etag, data: new Uint8Array(await file.arrayBuffer()) }
          },
        })
      } finally {
        await source.close()
      }
    }),
  )

type Jobs = {
  app: WorkerApp
  url: string
  /** The server that has the photo, as `/a.jpg`. */
  source: string
  submit(transformations: string[]): Promise<string>
  showJob(jobId: string): Promise<Job>
  download(
    jobId: string,
  ): Promise<{ resultUrl: string | null; type: string | null; etag: string | null; data: Uint8Array }>
}

describe.for(SETUPS)('jobs on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('a job is queued, made, and found under its result URL', () =>
    withJobs(setup, async ({ app, url, source, showJob, download }) => {
      const body = { imageUrl: `${source}/a.jpg`, transformations: ['cover:50x20', 'format:jpeg'] }
      const answer = await post(`${url}/api/v1/images/process`, body)
      const { jobId } = (await answer.json()) as Job
      const location = `${app.config.publicUrl}/api/v1/images/jobs/${jobId}`
      expect([answer.status, answer.headers.get('location')]).toEqual([202, location])
      expect(await showJob(jobId)).toEqual({ jobId, status: 'PENDING', resultUrl: null, errorMessage: null })
      expect(await eventsOf(app, 'image.queued')).toMatchObject([{ photo_uuid: jobId }])
      expect(await processPhoto(app, jobId)).toBe('completed')
      expect(await showJob(jobId)).toMatchObject({ status: 'COMPLETED', errorMessage: null })
      const { resultUrl, data } = await download(jobId)
      expect(resultUrl).toMatch(new RegExp(`/${jobId}\\.jpg$`))
      expect(await pixels(data)).toMatchObject({ width: 50, height: 20 })
    }),
  )

  on('a job that fails says why, and every door tells the code', () =>
    withJobs(setup, async ({ app, url, submit, showJob }) => {
      const jobId = await submit(['crop:50,0,20,10'])
      expect(await processPhoto(app, jobId)).toBe('failed')
      const message = 'result: The crop reaches beyond 60x40'
      expect(await showJob(jobId)).toEqual({
        jobId,
        status: 'FAILED',
        resultUrl: null,
        errorMessage: message,
      })
      expect(await (await fetch(`${url}/photos/${jobId}`)).json()).toMatchObject({
        door: 'jobs',
        status: 'failed',
        attempts: 1,
        error: { code: 'crop-outside', message },
        thumbnails: [],
      })
    }),
  )

  on('an empty list converts to PNG', () =>
    withJobs(setup, async ({ app, submit, download }) => {
      const jobId = await submit([])
      expect(await processPhoto(app, jobId)).toBe('completed')
      const { type, data } = await download(jobId)
      expect(type).toBe('image/png')
      expect(await pixels(data)).toMatchObject({ width: 60, height: 40 })
    }),
  )

  on('the recipe stored with a job decides, whatever the code would make of its text today', () =>
    withJobs(setup, async ({ app, submit, download }) => {
      const jobId = await submit(['fit:10x10', 'format:webp'])
      const { recipe } = await findPhoto(app.db, jobId)
      const operations = [{ op: 'fit', width: 10, height: 10 }]
      const stored = { name: 'result', operations, format: 'webp', quality: 80 }
      expect(JSON.parse(recipe ?? '')).toEqual({ renditions: [stored] })
      const other = { ...stored, operations: [{ op: 'rotate', degrees: 90 }], format: 'jpeg', quality: 30 }
      await app.db
        .updateTable('photos')
        .set({ recipe: JSON.stringify({ renditions: [other] }) })
        .where('uuid', '=', jobId)
        .execute()
      expect(await processPhoto(app, jobId)).toBe('completed')
      const { type, data } = await download(jobId)
      expect(type).toBe('image/jpeg')
      expect(await pixels(data)).toMatchObject({ width: 40, height: 60 })
    }),
  )
})

test.each([
  ['png', 'png'],
  ['jpeg', 'jpg'],
  ['webp', 'webp'],
])('a result in %s is downloaded as what it is', (format, ending) =>
  withJobs(SETUPS[0], async ({ app, submit, download }) => {
    const jobId = await submit([`format:${format}`])
    expect(await processPhoto(app, jobId)).toBe('completed')
    const { resultUrl, type, etag, data } = await download(jobId)
    expect(resultUrl).toMatch(new RegExp(`^${app.config.publicUrl}/files/.+/${jobId}\\.${ending}$`))
    expect([type, etag]).toEqual([`image/${format}`, expect.stringMatching(/^"[^"]+"$/)])
    expect(probe(data, 1e6)).toMatchObject({ format, width: 60, height: 40 })
  }),
)

const IMAGE_URL = 'https://example.com/a.jpg'

const withUrl = (imageUrl: unknown) => ({ imageUrl, transformations: [] })

const withList = (...transformations: unknown[]) => ({ imageUrl: IMAGE_URL, transformations })

const REFUSED: readonly (readonly [what: string, body: unknown, pointer: string, code?: string])[] = [
  ['a URL without a scheme', withUrl('example.com/photo.jpg'), '/imageUrl'],
  ['file:', withUrl('file:///etc/passwd'), '/imageUrl'],
  ['data:', withUrl('data:image/png;base64,AA'), '/imageUrl'],
  ['userinfo', withUrl('https://user:word@example.com/a.jpg'), '/imageUrl'],
  ['a user name', withUrl('https://user@example.com/a.jpg'), '/imageUrl'],
  ['a URL of 10 kB', withUrl(`https://example.com/${'a'.repeat(10_000)}`), '/imageUrl'],
  ['an empty URL', withUrl(''), '/imageUrl'],
  ['a URL that is a list', withUrl([IMAGE_URL]), '/imageUrl'],
  ['an address of the machine', withUrl('http://169.254.169.254/'), '/imageUrl', 'blocked-address'],
  ['an address in other digits', withUrl('http://①②⑦.⓪.⓪.②/'), '/imageUrl', 'blocked-address'],
  ['no URL', { transformations: [] }, '/imageUrl'],
  ['no list', { imageUrl: IMAGE_URL }, '/transformations'],
  ['a list that is none', { imageUrl: IMAGE_URL, transformations: 'fit:1x1' }, '/transformations'],
  ['an object for a list', { imageUrl: IMAGE_URL, transformations: { 0: 'fit:1x1' } }, '/transformations'],
  ['null for a list', { imageUrl: IMAGE_URL, transformations: null }, '/transformations'],
  ['a number in the list', withList(1), '/transformations/0'],
  ['a list in the list', withList('grayscale', ['fit:1x1']), '/transformations/1'],
  ['an entry of 1 kB', withList('a'.repeat(1000)), '/transformations/0'],
  ['21 transformations', withList(...Array(21).fill('grayscale')), '/transformations'],
  ['an unknown operation', withList('fit:1x1', 'swirl'), '/transformations/1'],
  ['a side of 0', withList('resize:0x10'), '/transformations/0'],
  ['a side of 10001', withList('grayscale', 'resize:10001x1'), '/transformations/1'],
  ['1e3', withList('resize:1e3x5'), '/transformations/0'],
  ['one side alone', withList('resize:100'), '/transformations/0'],
  ['more than 50 megapixels', withList('cover:10000x5001'), '/transformations/0'],
  ['45 degrees', withList('flip:h', 'flip:v', 'rotate:45'), '/transformations/2'],
  ['a quality of PNG', withList('quality:50'), '/transformations/0'],
  ['a quality of PNG by name', withList('format:png', 'quality:50'), '/transformations/1'],
  ['two formats', withList('format:png', 'grayscale', 'format:webp'), '/transformations/2'],
  ['the same format twice', withList('format:webp', 'format:webp'), '/transformations/1'],
  ['two qualities', withList('format:jpeg', 'quality:5', 'quality:6'), '/transformations/2'],
  [
    'a blur too many',
    withList('resize:7000x7000', ...Array(18).fill('blur:9')),
    '/transformations',
    'too-costly',
  ],
  ['a field that there is not', { ...withList(), callback: IMAGE_URL }, '/callback'],
]

test.each(REFUSED)('refuses %s where it stands, and queues nothing', (_, body, pointer, code) =>
  withJobs(SETUPS[0], async ({ app, url }) => {
    const problem = await problemOf(await post(`${url}/api/v1/images/process`, body), 422)
    expect(problem.errors).toEqual([{ pointer, detail: expect.stringMatching(/\w/) }])
    if (code) expect(problem.code).toBe(code)
    expect(await app.db.selectFrom('photos').select('uuid').execute()).toEqual([])
    expect(await app.db.selectFrom('events').select('id').execute()).toEqual([])
  }),
)

test.each([
  ['a host in another script', withUrl('https://bücher.example/ä.jpg')],
  ['20 transformations', withList(...Array(20).fill('grayscale'))],
  ['the largest output', withList('resize:10000x5000')],
  ['what may be cheap, as the source decides', withList('fit:10000x10000', ...Array(18).fill('blur:9'))],
  ['a query', withUrl('https://example.com/?size=full&name=a%20b')],
])('accepts %s as it is', (_, body) =>
  withJobs(SETUPS[0], async ({ app, url }) => {
    const answer = await post(`${url}/api/v1/images/process`, body)
    expect(answer.status).toBe(202)
    const { jobId } = (await answer.json()) as Job
    expect((await findPhoto(app.db, jobId)).url).toBe(body.imageUrl)
  }),
)
