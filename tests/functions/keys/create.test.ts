import { describe, expect, test } from 'vitest'
import { create } from '../../../functions/keys/create.ts'
import type { Caller } from '../../../lib/access/caller.ts'
import { bearer, WITH_KEYS } from '../../security/credentials.ts'
import { isAvailable, SETUPS, withApp } from '../../support/app.ts'
import { call, problemOf, withServer } from '../support.ts'

const BODY = { name: 'mine', scopes: ['read', 'write'], projects: [1] } satisfies object
const ADMIN: Caller = { scopes: ['admin'], projects: [1, 2], keyId: 'k' }

describe.for(SETUPS)('POST /keys on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('shows the new key this once, and it can be used', () =>
    withApp(
      setup,
      async (app) => {
        const expires_at = new Date(Date.now() + 3_600_000).toISOString()
        const { status, body, headers } = await call(create, app, {
          body: { ...BODY, scopes: ['read'], expires_at, rate_limit: 5 },
          caller: ADMIN,
        })
        expect([status, headers['cache-control']]).toEqual([201, 'no-store'])
        const { key } = body as { key: string }
        expect(body).toMatchObject({
          name: 'mine',
          scopes: ['read'],
          projects: [1],
          expires_at,
          rate_limit: 5,
        })
        await withServer(app, async (url) => {
          expect((await fetch(`${url}/photos`, { headers: bearer(key) })).status).toBe(200)
          expect((await fetch(`${url}/keys`, { headers: bearer(key) })).status).toBe(403)
        })
      },
      WITH_KEYS,
    ),
  )

  on.for(['2099-01-31', '2099-01-31T00:00Z', '2099-01-31T01:00:00+01:00'])(
    'takes %s for its end',
    (expires_at) =>
      withApp(setup, async (app) => {
        const { body } = await call(create, app, {
          body: { ...BODY, scopes: ['read'], expires_at },
          caller: ADMIN,
        })
        expect(body).toMatchObject({ expires_at: '2099-01-31T00:00:00.000Z' })
      }),
  )

  on('refuses a name with a control character, which PostgreSQL may not hold', () =>
    withApp(
      setup,
      (app) =>
        withServer(app, async (url) => {
          const answer = await fetch(`${url}/keys`, {
            method: 'POST',
            headers: { ...bearer(WITH_KEYS.ADMIN_KEY ?? ''), 'content-type': 'application/json' },
            body: JSON.stringify({ ...BODY, name: 'a\0b' }),
          })
          expect((await problemOf(answer, 422)).errors).toMatchObject([{ pointer: '/name' }])
        }),
      WITH_KEYS,
    ),
  )
})

test('nobody makes a key for projects that they do not have', () =>
  withApp(SETUPS[0], async (app) => {
    for (const projects of ['*', [3], [1, 3]] as const)
      await expect(
        call(create, app, {
          body: { name: 'more', scopes: ['read'], projects: projects as '*' },
          caller: ADMIN,
        }),
      ).rejects.toMatchObject({ code: 'not-found' })
  }))

test('no Idempotency-Key keeps the secret: who comes again gets another key', () =>
  withApp(
    SETUPS[0],
    (app) =>
      withServer(app, async (url) => {
        const send = async () => {
          const answer = await fetch(`${url}/keys`, {
            method: 'POST',
            headers: {
              ...bearer(WITH_KEYS.ADMIN_KEY ?? ''),
              'content-type': 'application/json',
              'idempotency-key': 'once',
            },
            body: JSON.stringify(BODY),
          })
          return ((await answer.json()) as { key: string }).key
        }
        const [first, again] = [await send(), await send()]
        expect(again).not.toBe(first)
        expect(await app.db.selectFrom('idempotency_keys').selectAll().execute()).toEqual([])
      }),
    WITH_KEYS,
  ))

test.for([
  {},
  { ...BODY, name: '' },
  { ...BODY, scopes: [] },
  { ...BODY, scopes: ['root'] },
  { ...BODY, projects: [] },
  { ...BODY, projects: [0] },
  { ...BODY, projects: 'all' },
  { ...BODY, expires_at: 'tomorrow' },
  { ...BODY, more: 1 },
])('%j is 422', (body) =>
  withApp(SETUPS[0], (app) =>
    withServer(app, async (url) => {
      const answer = await fetch(`${url}/keys`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
      expect(answer.status).toBe(422)
    }),
  ),
)
