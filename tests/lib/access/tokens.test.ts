import { SignJWT, UnsecuredJWT } from 'jose'
import { expect, test } from 'vitest'
import type { Caller } from '../../../lib/access/caller.ts'
import { revokeKey, rollKey } from '../../../lib/access/keys.ts'
import { openSigning } from '../../../lib/access/signing.ts'
import type { App } from '../../../lib/app.ts'
import { HOUR_MS, idOf, makeKey, WITH_KEYS } from '../../security/credentials.ts'
import { SETUPS, withApp } from '../../support/app.ts'

const GRANT = { scopes: ['read'], projects: [1] } as const

async function withKey(use: (app: App, keyId: string, by: Caller) => Promise<void>) {
  await withApp(
    SETUPS[0],
    async (app) => {
      const text = await makeKey(app, [1], ['write'])
      await use(app, idOf(text), (await app.access.keys.identify(text)) as Caller)
    },
    WITH_KEYS,
  )
}

test('a token says what it was granted, and is no session', () =>
  withKey(async ({ access: { tokens } }, keyId, by) => {
    const { token, until } = await tokens.issue('token', by, { ...GRANT, maxBytes: 5 }, HOUR_MS)
    const { print } = by
    const caller = {
      ...GRANT,
      keyId,
      maxBytes: 5,
      until,
      print,
      credential: expect.stringMatching(/^token \S/),
    }
    const known = await tokens.identify('token', token)
    expect(known).toEqual(caller)
    expect(await tokens.identify('token', token)).toEqual(known)
    expect(await tokens.identify('session', token)).toBeUndefined()
    expect(await tokens.identify('token', `${token}x`)).toBeUndefined()
    expect(await tokens.identify('token', '')).toBeUndefined()
  }))

test('a token ends with the secret that it was made from', () =>
  withKey(async ({ access, db }, keyId, by) => {
    const { token } = await access.tokens.issue('token', by, GRANT, HOUR_MS)
    await rollKey(db, keyId, HOUR_MS)
    access.keys.forget(keyId)
    expect(await access.tokens.identify('token', token)).toMatchObject(GRANT)
    await rollKey(db, keyId, 0)
    access.keys.forget(keyId)
    expect(await access.tokens.identify('token', token)).toBeUndefined()
  }))

test('a token ends by itself, and with its key', () =>
  withKey(async ({ access, db }, keyId, by) => {
    const { token: past } = await access.tokens.issue('token', by, GRANT, -5_000)
    expect(await access.tokens.identify('token', past)).toBeUndefined()
    const { token } = await access.tokens.issue('token', by, GRANT, HOUR_MS)
    expect(await access.tokens.identify('token', token)).toMatchObject(GRANT)
    await revokeKey(db, keyId)
    access.keys.forget(keyId)
    expect(await access.tokens.identify('token', token)).toBeUndefined()
  }))

test('a token that this service has not signed, or not so, is none', () =>
  withKey(async ({ access, db, config }, keyId) => {
    const { kid, secret } = await openSigning(db, config).current()
    const claims = { scopes: ['admin'], projects: '*', iss: 'photo-processor', aud: 'token', sub: keyId }
    const exp = Math.floor(Date.now() / 1000) + 600
    const sign = (header: { alg: string; kid?: string }, key: Uint8Array, more: object = { exp }) =>
      new SignJWT({ ...claims, ...more }).setProtectedHeader(header).sign(key)
    const forged = [
      new UnsecuredJWT({ ...claims, exp }).encode(),
      await sign({ alg: 'HS256', kid }, new Uint8Array(32)),
      await sign({ alg: 'HS256' }, secret),
      await sign({ alg: 'HS256', kid: 'nobody' }, secret),
      await sign({ alg: 'HS512', kid }, new Uint8Array(Buffer.concat([secret, secret]))),
      await sign({ alg: 'HS256', kid }, secret, {}),
      await sign({ alg: 'HS256', kid }, secret, { exp, iss: 'elsewhere' }),
      await sign({ alg: 'HS256', kid }, secret, { exp, aud: 'session' }),
      'a.b.c',
      '..',
    ]
    for (const token of forged) expect(await access.tokens.identify('token', token), token).toBeUndefined()
  }))
