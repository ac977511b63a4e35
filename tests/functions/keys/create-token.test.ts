import { expect, test } from 'vitest'
import { createToken } from '../../../functions/keys/create-token.ts'
import type { Caller } from '../../../lib/access/caller.ts'
import { bearer, idOf, makeKey, printOf, WITH_KEYS } from '../../security/credentials.ts'
import { SETUPS, withApp } from '../../support/app.ts'
import { call, withServer } from '../support.ts'

test('POST /tokens makes a token of one project that ends within an hour', () =>
  withApp(
    SETUPS[0],
    (app) =>
      withServer(app, async (url) => {
        const key = await makeKey(app, [1, 2])
        const caller: Caller = {
          scopes: ['read', 'write'],
          projects: [1, 2],
          keyId: idOf(key),
          print: printOf(key),
        }
        const { status, body, headers } = await call(createToken, app, {
          body: { project_id: 2, scopes: ['read'], expires_in: 60, max_bytes: 9 },
          caller,
        })
        const { token, expires_at } = body as { token: string; expires_at: string }
        expect([status, headers['cache-control']]).toEqual([201, 'no-store'])
        expect(Date.parse(expires_at) - Date.now()).toBeLessThanOrEqual(60_000)
        expect(await app.access.tokens.identify('token', token)).toMatchObject({
          scopes: ['read'],
          projects: [2],
          maxBytes: 9,
        })
        const statusOf = async (path: string, method = 'GET') =>
          (await fetch(`${url}${path}`, { method, headers: bearer(token) })).status
        expect(await statusOf('/projects/2/images')).toBe(200)
        expect(await statusOf('/projects/1/images')).toBe(404)
        expect(await statusOf('/tokens', 'POST')).toBe(403)
      }),
    WITH_KEYS,
  ))

test('a token gives no more than its maker has: scope, project, bytes and time', () =>
  withApp(SETUPS[0], async (app) => {
    const until = Date.now() + 60_000
    const caller: Caller = { scopes: ['write'], projects: [1], maxBytes: 9, until }
    const make = (body: object, by = caller) => call(createToken, app, { body, caller: by })
    await expect(make({ scopes: ['read'] })).rejects.toMatchObject({ code: 'forbidden' })
    await expect(make({ scopes: ['write'], project_id: 2 })).rejects.toMatchObject({ code: 'not-found' })
    const several: Caller = { ...caller, projects: [1, 2] }
    await expect(make({ scopes: ['write'] }, several)).rejects.toMatchObject({ code: 'invalid' })
    const all: Caller = { ...caller, projects: '*' }
    await expect(make({ scopes: ['write'] }, all)).rejects.toMatchObject({ code: 'invalid' })
    const { body } = await make({ scopes: ['write'], max_bytes: 100 })
    const { token, expires_at } = body as { token: string; expires_at: string }
    expect(Date.parse(expires_at)).toBeLessThanOrEqual(until)
    expect(await app.access.tokens.identify('token', token)).toMatchObject({ projects: [1], maxBytes: 9 })
  }))
