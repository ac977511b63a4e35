import { describe, expect, test } from 'vitest'
import { openKeyCache } from '../../../lib/access/key-cache.ts'
import { createKey, hashSecret, hasKeys, listKeys, revokeKey, rollKey } from '../../../lib/access/keys.ts'
import { HOUR_MS, idOf, makeKey, randomSecret } from '../../security/credentials.ts'
import { isAvailable, SETUPS, withApp } from '../../support/app.ts'
import { stopClock } from '../../support/clock.ts'
import { watch } from '../../support/statements.ts'

const NO_ADMIN = { adminKey: undefined }
const CALLER = { scopes: ['read', 'write'], projects: [1] }

describe.for(SETUPS)('keys on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('the database has the hash of a secret, and no list shows more', () =>
    withApp(setup, async ({ db }) => {
      expect(await hasKeys(db)).toBe(false)
      const { text, key } = await createKey(db, { name: 'first', scopes: ['read'], projects: '*' })
      expect(text).toMatch(/^pp_[0-9a-f]{16}_[\w-]{43}$/)
      const secret = text.split('_').slice(2).join('_')
      const rows = await db.selectFrom('api_keys').selectAll().execute()
      expect(rows).toMatchObject([{ secret_hash: hashSecret(secret), previous_hash: null }])
      expect(JSON.stringify([rows, key, await listKeys(db)])).not.toContain(secret)
      expect(await listKeys(db)).toMatchObject([
        { id: idOf(text), name: 'first', scopes: ['read'], projects: '*' },
      ])
      expect(await hasKeys(db)).toBe(true)
      await revokeKey(db, idOf(text))
      expect(await hasKeys(db)).toBe(false)
      await expect(revokeKey(db, 'nobody')).rejects.toMatchObject({ code: 'not-found' })
      await expect(rollKey(db, idOf(text), 0)).rejects.toMatchObject({ code: 'not-found' })
    }),
  )

  on('a rolled key has two secrets for the time of its grace, and one after it', () =>
    withApp(setup, async (app) => {
      const text = await makeKey(app)
      const cache = openKeyCache(app.db, NO_ADMIN)
      expect(await cache.identify(text)).toEqual({
        ...CALLER,
        keyId: idOf(text),
        credential: `key ${idOf(text)}`,
        print: hashSecret(text.slice(-43)).slice(0, 16),
      })
      const { text: next } = await rollKey(app.db, idOf(text), HOUR_MS)
      expect(next).not.toBe(text)
      for (const one of [text, next])
        expect(await openKeyCache(app.db, NO_ADMIN).identify(one)).toMatchObject(CALLER)
      const { text: last } = await rollKey(app.db, idOf(text), -1000)
      for (const [one, caller] of [[text], [next], [last, CALLER]] as const) {
        const found = await openKeyCache(app.db, NO_ADMIN).identify(one)
        caller ? expect(found).toMatchObject(caller) : expect(found).toBeUndefined()
      }
    }),
  )

  on('a key that is known costs no query, and its use is noted once', () =>
    withApp(setup, async (app) => {
      const text = await makeKey(app)
      const { watched, statements } = watch(app)
      const cache = openKeyCache(watched.db, NO_ADMIN)
      const used = async () => (await listKeys(app.db))[0]?.last_used_at
      expect(await cache.identify(`pp_${idOf(text)}_${randomSecret()}`)).toBeUndefined()
      expect(await used()).toBeNull()
      const { print = '' } = (await cache.identify(text)) ?? {}
      await expect.poll(used).toEqual(expect.any(String))
      const first = statements.length
      for (let i = 0; i < 100; i++) expect(await cache.identify(text)).toMatchObject(CALLER)
      expect(await cache.find(idOf(text), print)).toMatchObject(CALLER)
      expect(statements.length - first).toBe(0)
    }),
  )

  on('what another process revokes is refused within 5 s, and what it rolls holds at once', () =>
    withApp(setup, async (app) => {
      const text = await makeKey(app)
      const cache = openKeyCache(app.db, NO_ADMIN)
      const pass = stopClock()
      expect(await cache.identify(text)).toMatchObject(CALLER)
      pass(1_000)
      const { text: next } = await rollKey(app.db, idOf(text), HOUR_MS)
      const rolled = await cache.identify(next)
      expect(rolled).toMatchObject(CALLER)
      await revokeKey(app.db, idOf(text))
      pass(5_000)
      expect(await cache.identify(next)).toBeUndefined()
      expect(await cache.find(idOf(text), `${rolled?.print}`)).toBeUndefined()
    }),
  )
})

test('ADMIN_KEY holds without a row, and no other secret of its id', () =>
  withApp(SETUPS[0], async (app) => {
    const adminKey = `pp_root_${randomSecret()}`
    const { watched, statements } = watch(app)
    const cache = openKeyCache(watched.db, { adminKey })
    const admin = { scopes: ['admin'], projects: '*', keyId: 'root', credential: 'key root' }
    const { print = '', ...found } = (await cache.identify(adminKey)) ?? {}
    expect(found).toEqual(admin)
    expect(await cache.find('root', print)).toMatchObject(admin)
    expect(await cache.find('root', 'another')).toBeUndefined()
    expect(await cache.identify(`pp_root_${randomSecret()}`)).toBeUndefined()
    expect(statements).toEqual([])
  }))

test('a key that has ended, or that nobody made, is none', () =>
  withApp(SETUPS[0], async (app) => {
    const cache = openKeyCache(app.db, NO_ADMIN)
    const ended = await makeKey(app, [1], ['read'], { expiresAt: new Date(Date.now() - 1000).toISOString() })
    const texts = [ended, `pp_nobody_${randomSecret()}`, 'pp_', '', `${await makeKey(app)}x`, 'pp_a_b', '\0']
    for (const text of texts) expect(await cache.identify(text), text).toBeUndefined()
    const soon = await makeKey(app, [1], ['read'], {
      expiresAt: new Date(Date.now() + HOUR_MS).toISOString(),
    })
    expect(await cache.identify(soon)).toMatchObject({ until: expect.any(Number) })
  }))
