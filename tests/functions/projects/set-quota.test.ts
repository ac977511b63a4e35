import { describe, expect, test } from 'vitest'
import { submit as submitJob } from '../../../functions/jobs/submit.ts'
import { setQuota } from '../../../functions/projects/set-quota.ts'
import { showQuota } from '../../../functions/projects/show-quota.ts'
import { createKey } from '../../../lib/access/keys.ts'
import { problemOf, send, withEmbedded } from '../support.ts'

const URL_OF_PHOTO = 'https://example.com/photo.jpg'

/** A job of project 7. */
const JOB = { imageUrl: URL_OF_PHOTO, transformations: [], project_id: 7 }

describe('the quotas of a project', () => {
  const quotaOf = async (url: string, id: number | string, headers: Record<string, string> = {}) =>
    fetch(url + showQuota.path.replace(':id', `${id}`), { headers })

  test('are shown with what is used of them, and set', () =>
    withEmbedded(
      async (_app, url) => {
        const submit = () => send(url + submitJob.path, 'POST', JOB)
        await submit()
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
        expect((await submit()).status).toBe(429)
        // What is not given is as configured.
        expect(await (await send(at, 'PUT', {})).json()).toMatchObject({
          photos_per_day: { own: null, limit: null, used: 1 },
          waiting: { own: null, limit: 5 },
        })
        expect((await submit()).status).toBe(202)
      },
      { QUOTA_WAITING: '5' },
    ))

  test('are whole numbers from 0', () =>
    withEmbedded(async (_app, url) => {
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
    withEmbedded(
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
