import { describe, expect, test } from 'vitest'
import { isAvailable, SETUPS, withApp } from '../../support/app.ts'
import { eventsOf, post, problemOf, withServer } from '../support.ts'
import { A, countJobs, type Job, submit } from './support.ts'

describe.for(SETUPS)('POST /v1/images/batch on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('each URL has its own result: accepted, duplicate or failed', () =>
    withApp(
      setup,
      (app) =>
        withServer(app, async (url) => {
          const active = await submit(url, A)
          const urls = [A, `${A}?1`, 'ftp://example.com/a.jpg', `${A}?1#again`, 'http://10.0.0.1/', `${A}?2`]
          const answer = await post(`${url}/v1/images/batch`, { urls })
          expect(answer.status).toBe(202)
          const body = (await answer.json()) as { accepted: Job[] }
          expect(body.accepted.map((job) => job.url)).toEqual([`${A}?1`, `${A}?2`])
          expect(body).toMatchObject({
            duplicates: [
              { url: A, job_id: active.id },
              { url: `${A}?1#again`, job_id: body.accepted[0]?.id },
            ],
            failed: [
              { url: 'ftp://example.com/a.jpg', code: 'invalid-source', detail: expect.any(String) },
              { url: 'http://10.0.0.1/', code: 'blocked-address', detail: expect.any(String) },
            ],
          })
          expect(await eventsOf(app, 'image.queued')).toHaveLength(3)
        }),
      { DUPLICATE_HANDLING: 'reject-active' },
    ),
  )

  on('takes 1,000 in which all are accepted, and all at once in two batches without waiting for ever', () =>
    withApp(
      setup,
      (app) =>
        withServer(app, async (url) => {
          const urls = Array.from({ length: 1000 }, (_, i) => `${A}?${i}`)
          const answers = await Promise.all(
            [urls, urls.toReversed()].map(async (list) => {
              const answer = await post(`${url}/v1/images/batch`, { urls: list })
              return (await answer.json()) as { accepted: Job[]; duplicates: object[] }
            }),
          )
          expect(
            answers.map(({ accepted, duplicates }) => [accepted.length, duplicates.length]).sort(),
          ).toEqual([
            [0, 1000],
            [1000, 0],
          ])
        }),
      { DUPLICATE_HANDLING: 'reject-active' },
    ),
  )
})

test('a batch that is empty, too long or no list is refused', () =>
  withApp(SETUPS[0], (app) =>
    withServer(app, async (url) => {
      for (const urls of [[], Array(1001).fill(A), A, [1], undefined])
        await problemOf(await post(`${url}/v1/images/batch`, { urls }), 422)
      expect(await countJobs(app)).toBe(0)
    }),
  ))

test('what is refused for its length is not accepted, nor is what its beginning is refused', () =>
  withApp(SETUPS[0], (app) =>
    withServer(app, async (url) => {
      const longest = `${A}?${'a'.repeat(8192 - A.length - 1)}`
      const answer = await post(`${url}/v1/images/batch`, {
        urls: [`${longest}aaa`, longest, `ftp:${'x'.repeat(9_000)}`, 'x'.repeat(100_000)],
      })
      expect(answer.status).toBe(202)
      const { accepted, failed } = (await answer.json()) as { accepted: Job[]; failed: { code: string }[] }
      expect(accepted.map((job) => job.url)).toEqual([longest])
      expect(failed.map(({ code }) => code)).toEqual(Array(3).fill('invalid-source'))
      expect(await countJobs(app)).toBe(1)
    }),
  ))
