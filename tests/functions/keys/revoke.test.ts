import { expect, test } from 'vitest'
import { revoke } from '../../../functions/keys/revoke.ts'
import { bearer, idOf, makeKey, printOf, WITH_KEYS } from '../../security/credentials.ts'
import { SETUPS, withApp } from '../../support/app.ts'
import { call, withServer } from '../support.ts'

test('DELETE /keys/{id} ends a key at once, with its tokens and sessions', () =>
  withApp(
    SETUPS[0],
    (app) =>
      withServer(app, async (url) => {
        const key = await makeKey(app)
        const by = { scopes: ['read'], projects: [1], keyId: idOf(key), print: printOf(key) } as const
        const { token } = await app.access.tokens.issue('token', by, by, 60_000)
        const { token: session } = await app.access.tokens.issue('session', by, by, 60_000)
        const statuses = () =>
          Promise.all(
            [bearer(key), bearer(token), { cookie: `session=${session}` }].map(
              async (headers) => (await fetch(`${url}/photos`, { headers })).status,
            ),
          )
        expect(await statuses()).toEqual([200, 200, 200])
        const answer = await fetch(`${url}/keys/${idOf(key)}`, {
          method: 'DELETE',
          headers: bearer(WITH_KEYS.ADMIN_KEY ?? ''),
        })
        expect(answer.status).toBe(204)
        expect(await statuses()).toEqual([401, 401, 401])
      }),
    WITH_KEYS,
  ))

test('a key of projects that are not all the caller’s is not found', () =>
  withApp(SETUPS[0], async (app) => {
    for (const projects of ['*', [2], [1, 2]] as const) {
      const id = idOf(await makeKey(app, projects))
      const caller = { scopes: ['admin'], projects: [1] } as const
      await expect(call(revoke, app, { params: { id }, caller })).rejects.toMatchObject({ code: 'not-found' })
    }
    await expect(call(revoke, app, { params: { id: 'nobody' } })).rejects.toMatchObject({ code: 'not-found' })
  }))
