import { expect, test } from 'vitest'
import { makeKey, randomSecret, WITH_KEYS } from '../../security/credentials.ts'
import { SETUPS, withApp } from '../../support/app.ts'
import { post, problemOf, withServer } from '../support.ts'

test('POST /session takes a key, and gives a cookie that only the page sends', () =>
  withApp(
    SETUPS[0],
    (app) =>
      withServer(app, async (url) => {
        const key = await makeKey(app, [1], ['read'])
        const answer = await post(`${url}/session`, { key })
        expect(answer.status).toBe(204)
        const cookie = answer.headers.get('set-cookie') ?? ''
        expect(cookie).toMatch(/^session=[\w.-]+; /)
        for (const part of ['HttpOnly', 'SameSite=Strict', 'Path=/', 'Expires='])
          expect(cookie).toContain(part)
        expect(cookie).not.toContain('Secure')
        expect(cookie).not.toContain(key.split('_')[2])
        const [session = ''] = cookie.split(';')
        const statusOf = async (path: string, method = 'GET', headers = {}) =>
          (await fetch(`${url}${path}`, { method, headers: { cookie: session, ...headers } })).status
        expect(await statusOf('/projects/1/images')).toBe(200)
        expect(await statusOf('/projects/2/images')).toBe(404)
        expect(await statusOf('/keys')).toBe(403)
        expect(await statusOf('/photos', 'GET', { authorization: 'Bearer nonsense' })).toBe(401)
      }),
    WITH_KEYS,
  ))

test('over https the cookie is Secure', () =>
  withApp(
    SETUPS[0],
    (app) =>
      withServer(app, async (url) => {
        const answer = await post(`${url}/session`, { key: WITH_KEYS.ADMIN_KEY })
        expect(answer.headers.get('set-cookie')).toContain('Secure')
      }),
    { ...WITH_KEYS, PUBLIC_URL: 'https://photos.example' },
  ))

test('what is no key signs nobody in', () =>
  withApp(
    SETUPS[0],
    (app) =>
      withServer(app, async (url) => {
        const by = { scopes: ['read'], projects: [1] } as const
        const { token } = await app.access.tokens.issue('session', by, by, 60_000)
        for (const key of ['', 'pp_', `pp_nobody_${randomSecret()}`, token.slice(0, 200)]) {
          const answer = await post(`${url}/session`, { key })
          expect(answer.headers.get('set-cookie')).toBeNull()
          expect((await problemOf(answer, 401)).code).toBe('unauthorized')
        }
        expect((await post(`${url}/session`, {})).status).toBe(422)
      }),
    WITH_KEYS,
  ))
