import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, test } from 'vitest'
import { post } from '../functions/support.ts'
import { jpeg, sample } from '../support/images.ts'
import { decoded } from '../support/reference.ts'
import { getJson } from '../support/service.ts'
import { eventually, serve, withService } from './support.ts'

type Job = { jobId: string; status: string; resultUrl: string | null; errorMessage: string | null }

/** A portable graymap of 40x30 pixels, dark above and bright below. */
const PGM = Buffer.concat([
  Buffer.from('P5\n# made by hand\n40 30\n255\n'),
  Buffer.alloc(600, 20),
  Buffer.alloc(600, 230),
])

test('a job is submitted, polled, and its PNG lies where a mounted directory has it', () =>
  withService(
    async ({ url }, sources, { THUMBS_DIR = '' }) => {
      const run = async (imageUrl: string, transformations: string[]): Promise<Job> => {
        const answer = await post(`${url}/api/v1/images/process`, { imageUrl, transformations })
        expect(answer.status).toBe(202)
        const { jobId } = (await answer.json()) as Job
        return eventually(async () => {
          const job = await getJson<Job>(`${url}/api/v1/images/jobs/${jobId}`)
          return ['COMPLETED', 'FAILED'].includes(job.status) ? job : undefined
        })
      }
      const photo = serve(sources, 'photo.jpg', await jpeg(sample(640, 480)))
      const made = await run(photo, ['resize:100x100', 'grayscale'])
      expect(made).toMatchObject({ status: 'COMPLETED', errorMessage: null })
      expect(path.basename(made.resultUrl ?? '')).toBe(`${made.jobId}.png`)
      const file = await readFile(path.join(THUMBS_DIR, `${made.jobId}.png`))
      const { width, height, data } = await decoded(file)
      expect([width, height]).toEqual([100, 100])
      expect(data[0]).toBe(data[1])
      expect(Buffer.from(await (await fetch(made.resultUrl ?? '')).arrayBuffer())).toEqual(file)

      const graymap = await run(serve(sources, 'scan.pgm', PGM), [])
      expect(graymap).toMatchObject({ status: 'COMPLETED' })
      const scan = await decoded(await readFile(path.join(THUMBS_DIR, `${graymap.jobId}.png`)))
      expect([scan.width, scan.height, scan.data[0], scan.data.at(-2)]).toEqual([40, 30, 20, 230])

      const failed = await run(`${sources.url}/missing.jpg`, ['grayscale'])
      expect(failed).toMatchObject({ status: 'FAILED', resultUrl: null, errorMessage: expect.any(String) })
      const unknown = await fetch(`${url}/api/v1/images/jobs/3fa85f64-5717-4562-b3fc-2c963f66afa6`)
      expect(unknown.status).toBe(404)
      expect(await unknown.json()).toMatchObject({ detail: 'Job not found' })
      expect(
        (await post(`${url}/api/v1/images/process`, { imageUrl: 'x', transformations: [] })).status,
      ).toBe(422)
      expect(await getJson(`${url}/health`)).toMatchObject({ status: 'ok' })
    },
    ({ STORAGE_DIR }) => ({
      THUMBS_DIR: path.join(path.dirname(STORAGE_DIR ?? ''), 'processed_images'),
      THUMBS_LAYOUT: 'flat',
    }),
  ))
