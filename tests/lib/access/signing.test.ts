import { describe, expect, test } from 'vitest'
import { openSigning, rotateSigningKey } from '../../../lib/access/signing.ts'
import { nowPlus } from '../../../lib/db/port.ts'
import { HOUR_MS } from '../../security/credentials.ts'
import { isAvailable, SETUPS, withApp } from '../../support/app.ts'
import { stopClock } from '../../support/clock.ts'

const SECRET = 'a secret of at least 32 characters'
const CONFIG = { secret: undefined, linkTtlMs: HOUR_MS }

describe.for(SETUPS)('signing keys on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('processes that start at the same time make one key', () =>
    withApp(setup, async ({ db }) => {
      const processes = Array.from({ length: 5 }, () => openSigning(db, CONFIG))
      const keys = await Promise.all(processes.map((signing) => signing.current()))
      expect(new Set(keys.map(({ kid }) => kid)).size).toBe(1)
      expect(new Set(keys.map(({ secret }) => Buffer.from(secret).toString('hex'))).size).toBe(1)
      expect(keys[0]?.secret).toHaveLength(32)
    }),
  )

  on('are encrypted with SECRET, and cannot be read without it', () =>
    withApp(setup, async ({ db }) => {
      const { kid, secret } = await openSigning(db, { secret: SECRET }).current()
      const [row] = await db.selectFrom('signing_keys').selectAll().execute()
      expect(row?.secret.split('.')).toHaveLength(5)
      expect(row?.secret).not.toContain(Buffer.from(secret).toString('base64url'))
      expect(await openSigning(db, { secret: SECRET }).find(kid)).toMatchObject({ kid, secret })
      await expect(openSigning(db, CONFIG).current()).rejects.toThrow('SECRET must be set')
      await expect(openSigning(db, { secret: `${SECRET}x` }).current()).rejects.toThrow()
    }),
  )

  on('a new one signs when all processes know it, and what the one before has signed stays good', () =>
    withApp(setup, async ({ db }) => {
      const signing = () => openSigning(db, CONFIG)
      const age = (kid: string, ms: number) =>
        db
          .updateTable('signing_keys')
          .set({ created_at: nowPlus(-ms) })
          .where('kid', '=', kid)
          .execute()
      const running = signing()
      const { kid: first } = await running.current()
      await age(first, HOUR_MS)
      const second = await rotateSigningKey(db, CONFIG, false)
      expect((await signing().current()).kid).toBe(first)
      // A process that has just read the keys meets a link that another has signed with the new one.
      await expect.poll(async () => (await running.find(second))?.kid).toBe(second)
      await age(second, 6_000)
      expect((await signing().current()).kid).toBe(second)
      expect((await signing().find(first))?.kid).toBe(first)
      await age(first, 30 * HOUR_MS)
      await age(second, 29 * HOUR_MS)
      const third = await rotateSigningKey(db, CONFIG, false)
      expect(await signing().find(first)).toBeUndefined()
      expect((await signing().find(second))?.kid).toBe(second)
      const last = await rotateSigningKey(db, CONFIG, true)
      expect(await signing().find(second)).toBeUndefined()
      expect(await signing().find(third)).toBeUndefined()
      expect((await signing().current()).kid).toBe(last)
    }),
  )
})

test('who signs in a transaction waits for no connection, once the keys are known', () =>
  withApp(SETUPS[0], async ({ db }) => {
    const pass = stopClock()
    const slow = Promise.withResolvers<void>()
    let isSlow = false
    const waiting = db.withPlugin({
      transformQuery: ({ node }) => node,
      async transformResult({ result }) {
        if (isSlow) await slow.promise
        return result
      },
    })
    const signing = openSigning(waiting, CONFIG)
    const { kid } = await signing.current()
    isSlow = true
    pass(7_000)
    // The second comes while the keys are being read again for the first.
    expect([await signing.current(), await signing.current()]).toMatchObject([{ kid }, { kid }])
    slow.resolve()
  }))

test('what was read signs on while the database is away', () =>
  withApp(SETUPS[0], async ({ db }) => {
    const signing = openSigning(db, CONFIG)
    const { kid } = await signing.current()
    await db.schema.alterTable('signing_keys').renameTo('gone').execute()
    expect((await signing.current()).kid).toBe(kid)
    expect(await signing.find('unknown')).toBeUndefined()
    await expect(openSigning(db, CONFIG).current()).rejects.toThrow()
  }))
