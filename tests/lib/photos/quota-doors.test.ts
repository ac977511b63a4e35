import { describe, expect, test } from 'vitest'
import { submit as submitJob } from '../../../functions/jobs/submit.ts'
import { upload } from '../../../functions/page/upload.ts'
import { add } from '../../../functions/photos/add.ts'
import { createUpload } from '../../../functions/projects/create-upload.ts'
import { submit } from '../../../functions/v1/submit.ts'
import { submitBatch } from '../../../functions/v1/submit-batch.ts'
import { problemOf, send, withEmbedded } from '../../functions/support.ts'

const URL_OF_PHOTO = 'https://example.com/photo.jpg'

/** A request of each door that adds a photo to project 7, as JSON, or a form. */
const DOORS: Record<string, [path: string, body: object]> = {
  'photos, one': [add.path, { url: URL_OF_PHOTO, project_id: 7 }],
  'photos, a list': [add.path, { urls: [URL_OF_PHOTO], project_id: 7 }],
  jobs: [submitJob.path, { imageUrl: URL_OF_PHOTO, transformations: [], project_id: 7 }],
  'v1, one': [submit.path, { url: URL_OF_PHOTO, project_id: 7 }],
  'v1, a batch': [submitBatch.path, { urls: [URL_OF_PHOTO], project_id: 7 }],
  projects: [createUpload.path, { filename: 'a.jpg', project_id: 7 }],
}

describe('a quota of photos holds for', () => {
  test.for(Object.entries(DOORS))('%s', ([, [path, body]]) =>
    withEmbedded(
      async (app, url) => {
        expect((await send(url + path, 'POST', body)).ok).toBe(true)
        const refused = await send(url + path, 'POST', body)
        const problem = await problemOf(refused, 429)
        expect(problem).toMatchObject({ code: 'quota-exceeded', quota: 'photos_per_day' })
        expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
        expect((await send(url + path, 'POST', { ...body, project_id: 8 })).ok).toBe(true)
        expect(
          await app.db.selectFrom('photos').select('project_id').orderBy('created_at').execute(),
        ).toEqual([{ project_id: 7 }, { project_id: 8 }])
      },
      { QUOTA_PHOTOS_PER_DAY: '1' },
    ),
  )

  test('the page, whose form goes on', () =>
    withEmbedded(
      async (_app, url) => {
        const form = new FormData()
        form.append('project_id', '7')
        for (const name of ['a.jpg', 'b.jpg']) form.append('image', new Blob(['bytes']), name)
        form.append('project_id', '8')
        form.append('image', new Blob(['bytes']), 'c.jpg')
        const answer = await fetch(url + upload.path, { method: 'POST', body: form })
        expect(await answer.json()).toMatchObject({
          results: [
            { name: 'a.jpg', uuid: expect.any(String) },
            { name: 'b.jpg', error: { code: 'quota-exceeded' } },
            { name: 'c.jpg', uuid: expect.any(String) },
          ],
        })
      },
      { QUOTA_PHOTOS_PER_DAY: '1' },
    ))

  test('a request that is sent again with its Idempotency-Key, once', () =>
    withEmbedded(
      async (_app, url) => {
        const [path, body] = DOORS.jobs as [string, object]
        const ask = () => send(url + path, 'POST', body, { 'idempotency-key': 'a' })
        const [first, second] = [await ask(), await ask()]
        expect([first.status, second.status]).toEqual([202, 202])
        expect(await second.json()).toEqual(await first.json())
        const other = await send(url + path, 'POST', body, { 'idempotency-key': 'b' })
        expect(other.status).toBe(429)
      },
      { QUOTA_PHOTOS_PER_DAY: '1' },
    ))
})
