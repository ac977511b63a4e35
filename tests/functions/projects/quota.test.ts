import { describe, expect, test } from 'vitest'
import { submit as submitJob } from '../../../functions/jobs/submit.ts'
import { upload } from '../../../functions/page/upload.ts'
import { add } from '../../../functions/photos/add.ts'
import { createUpload } from '../../../functions/projects/create-upload.ts'
import { setQuota } from '../../../functions/projects/set-quota.ts'
import { showQuota } from '../../../functions/projects/show-quota.ts'
import { submit } from '../../../functions/v1/submit.ts'
import { submitBatch } from '../../../functions/v1/submit-batch.ts'
import { createKey } from '../../../lib/access/keys.ts'
import type { App } from '../../../lib/app.ts'
import { SETUPS, withApp } from '../../support/app.ts'
import { problemOf, withServer } from '../support.ts'

const [EMBEDDED] = SETUPS

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

const send = (url: string, method: string, body: object, headers: Record<string, string> = {}) =>
  fetch(url, {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })

const withUrl = (use: (app: App, url: string) => Promise<void>, env: Record<string, string> = {}) =>
  withApp(EMBEDDED, (app) => withServer(app, (url) => use(app, url)), env)

describe('a quota of photos holds for', () => {
  test.for(Object.entries(DOORS))('%s', ([, [path, body]]) =>
    withUrl(
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
    withUrl(
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
    withUrl(
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

describe('the quotas of a project', () => {
  const quotaOf = async (url: string, id: number | string, headers: Record<string, string> = {}) =>
    fetch(url + showQuota.path.replace(':id', `${id}`), { headers })

  test('are shown with what is used of them, and set', () =>
    withUrl(
      async (_app, url) => {
        const [path, body] = DOORS.jobs as [string, object]
        await send(url + path, 'POST', body)
        expect(await (await quotaOf(url, 7)).json()).toEqual({
          project_id: 7,
          photos_per_day: { own: null, limit: null, used: 1 },
          bytes_per_day: { own: null, limit: null, used: 0 },
          waiting: { own: null, limit: 5, used: 1 },
        })
        const at = url + setQuota.path.replace(':id', '7')
        const set = await send(at, 'PUT', { photos_per_day: 1, waiting: 9 })
        expect(await set.json()).toMatchObject({
          photos_per_day: { own: 1, limit: 1, used: 1 },
          bytes_per_day: { own: null, limit: null },
          waiting: { own: 9, limit: 9, used: 1 },
        })
        expect((await send(url + path, 'POST', body)).status).toBe(429)
        // What is not given is as configured.
        expect(await (await send(at, 'PUT', {})).json()).toMatchObject({
          photos_per_day: { own: null, limit: null, used: 1 },
          waiting: { own: null, limit: 5 },
        })
        expect((await send(url + path, 'POST', body)).status).toBe(202)
      },
      { QUOTA_WAITING: '5' },
    ))

  test('are whole numbers from 0', () =>
    withUrl(async (_app, url) => {
      const at = url + setQuota.path.replace(':id', '7')
      for (const body of [
        { waiting: -1 },
        { waiting: 0.5 },
        { waiting: 'a' },
        { photos: 1 },
        { waiting: 2 ** 53 },
      ])
        await problemOf(await send(at, 'PUT', body), 422)
      await problemOf(await quotaOf(url, 'nonsense'), 422)
    }))

  test('are those of the caller, with the scope admin', () =>
    withUrl(
      async (app, url) => {
        const bearer = async (scope: 'write' | 'admin', projects: number[]) => {
          const { text } = await createKey(app.db, { name: 'a', scopes: [scope], projects })
          return { authorization: `Bearer ${text}` }
        }
        const at = url + setQuota.path.replace(':id', '7')
        const [own, foreign, writer] = [
          await bearer('admin', [7]),
          await bearer('admin', [8]),
          await bearer('write', [7]),
        ]
        expect((await quotaOf(url, 7, own)).status).toBe(200)
        expect((await send(at, 'PUT', {}, own)).status).toBe(200)
        for (const [headers, status] of [
          [foreign, 404],
          [writer, 403],
          [{}, 401],
        ] as const) {
          await problemOf(await quotaOf(url, 7, headers), status)
          await problemOf(await send(at, 'PUT', {}, headers), status)
        }
      },
      { AUTH: 'keys' },
    ))
})
