import { describe, expect, test } from 'vitest'
import { isAvailable, SETUPS, withApp } from '../../support/app.ts'
import { insertPhoto, withServer } from '../support.ts'

describe.for(SETUPS)('GET /v1/metrics on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('counts by status, of this door alone', () =>
    withApp(setup, (app) =>
      withServer(app, async (url) => {
        for (const status of ['pending', 'completed', 'completed', 'failed', 'failed'] as const)
          await insertPhoto(app, { door: 'v1', status })
        await insertPhoto(app, { door: 'jobs' })
        expect(await (await fetch(`${url}/v1/metrics`)).json()).toEqual({
          ...{ total: 5, init: 0, pending: 1, processing: 0, completed: 2, failed: 2 },
        })
      }),
    ),
  )
})
