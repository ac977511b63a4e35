import { describe, expect, test } from 'vitest'
import { withServer } from '../functions/support.ts'
import { isAvailable, SETUPS, withApp } from '../support/app.ts'
import { bearer, makeKey, randomSecret, WITH_KEYS } from './credentials.ts'

/** More than the database has connections for. */
const AT_ONCE = 24

describe.for(SETUPS)('a stranger on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('takes no connection of the database from others by signing in', () =>
    withApp(
      setup,
      (app) =>
        withServer(app, async (url) => {
          const signIn = async (_: unknown, index: number) => {
            const answer = await fetch(`${url}/session`, {
              method: 'POST',
              headers: { 'content-type': 'application/json', 'idempotency-key': `stranger-${index}` },
              body: JSON.stringify({ key: `pp_nobody${index}_${randomSecret()}` }),
            })
            await answer.body?.cancel()
            return answer.status
          }
          const key = await makeKey(app)
          const signingIn = Promise.all(Array.from({ length: AT_ONCE }, signIn))
          const answer = await fetch(`${url}/photos`, { headers: bearer(key) })
          expect(answer.status).toBe(200)
          expect(await signingIn).toEqual(Array(AT_ONCE).fill(401))
        }),
      WITH_KEYS,
    ),
  )
})
