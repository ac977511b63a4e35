import { describe, expect, test } from 'vitest'
import { processPhoto } from '../../../lib/photos/process.ts'
import { isAvailable, SETUPS, withApp, withInlineWorker } from '../../support/app.ts'
import { bytes, openSourceServer } from '../../support/source-server.ts'
import { problemOf, withServer } from '../support.ts'
import { submit } from './support.ts'

describe.for(SETUPS)('GET /v1/images/:id on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('a job that fails says why', () =>
    withInlineWorker(setup, (app) =>
      withServer(app, async (url) => {
        const source = await openSourceServer({ '/a.txt': bytes(Buffer.from('no image')) })
        const { id } = await submit(url, `${source.url}/a.txt`)
        expect(await processPhoto(app, id)).toBe('failed')
        expect(await (await fetch(`${url}/v1/images/${id}`)).json()).toMatchObject({
          status: 'failed',
          result: null,
          error: expect.stringMatching(/^unsupported-format: .*not a JPEG/),
        })
        expect((await fetch(`${url}/v1/images/${id}/thumbnail`)).status).toBe(404)
        await source.close()
      }),
    ),
  )
})

test.each(['nonsense', '01a208fa-d379-72a3-9e61-aaf487ae54bf'])('knows no job %s', (id) =>
  withApp(SETUPS[0], (app) =>
    withServer(app, async (url) => {
      expect((await problemOf(await fetch(`${url}/v1/images/${id}`), 404)).detail).toBe('Job not found')
    }),
  ),
)
