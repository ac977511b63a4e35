import { expect, test } from 'vitest'
import { WITH_KEYS } from '../../security/credentials.ts'
import { SETUPS, withApp } from '../../support/app.ts'
import { withServer } from '../support.ts'

test('DELETE /session has the browser forget its session', () =>
  withApp(
    SETUPS[0],
    (app) =>
      withServer(app, async (url) => {
        const answer = await fetch(`${url}/session`, { method: 'DELETE' })
        expect(answer.status).toBe(204)
        const cookie = answer.headers.get('set-cookie') ?? ''
        expect(cookie).toMatch(/^session=; /)
        expect(cookie).toContain('Expires=Thu, 01 Jan 1970 00:00:00 GMT')
      }),
    WITH_KEYS,
  ))
