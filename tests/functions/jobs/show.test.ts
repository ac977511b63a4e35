import { uuidv7 } from 'uuidv7'
import { expect, test } from 'vitest'
import { SETUPS, withApp } from '../../support/app.ts'
import { insertPhoto, withServer } from '../support.ts'

test.each([
  ['init', 'PENDING'],
  ['pending', 'PENDING'],
  ['processing', 'PROCESSING'],
  ['completed', 'COMPLETED'],
  ['failed', 'FAILED'],
] as const)('tells that a job whose photo is %s is %s', (status, told) =>
  withApp(SETUPS[0], (app) =>
    withServer(app, async (url) => {
      const error = status === 'failed' ? 'The image is damaged' : null
      const jobId = await insertPhoto(app, { door: 'jobs', status, error })
      const answer = await fetch(`${url}/api/v1/images/jobs/${jobId}`)
      expect(await answer.json()).toEqual({ jobId, status: told, resultUrl: null, errorMessage: error })
    }),
  ),
)

test('an unknown job is 404, Job not found', () =>
  withApp(SETUPS[0], (app) =>
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
