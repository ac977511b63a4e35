import { expect, test } from 'vitest'
import { checkDatabase } from '../../lib/db/check.ts'
import { claim, markRenderBegan, renew } from '../../lib/photos/attempt.ts'
import { freeExpired } from '../../lib/photos/expired.ts'
import { findPhoto } from '../../lib/photos/row.ts'
import { whenDatabaseIsBack } from '../../scripts/serve/wait.ts'
import { expireLeases, insertPhoto } from '../functions/support.ts'
import { SETUPS, withApp } from '../support/app.ts'
import { until } from '../support/service.ts'
import { holdLock } from '../support/sqlite.ts'

const [EMBEDDED] = SETUPS

test('a worker that could not renew its lease while the database was away is not taken for dead', () =>
  withApp(
    EMBEDDED,
    async (app) => {
      const [alive, dead] = [await insertPhoto(app), await insertPhoto(app)]
      const attempts = [await claim(app, alive), await claim(app, dead)]
      const [living] = attempts
      if (!living) throw new Error('not claimed')
      await markRenderBegan(
        app.db,
        attempts.filter((attempt) => attempt !== undefined),
      )
      await expireLeases(app)
      const lock = await holdLock(app.config.databaseUrl.slice('sqlite:'.length))
      await freeExpired(app).catch(() => {})
      await lock.release()
      expect(await freeExpired(app)).toBe(0)
      await until(async () => (await renew(app, living)) && (await freeExpired(app)) === 1)
      expect(await findPhoto(app.db, alive)).toMatchObject({ status: 'processing' })
      expect(await findPhoto(app.db, dead)).toMatchObject({ status: 'pending', attempts: 1 })
    },
    // Longer than anything here takes.
    { LEASE_MS: '10000' },
  ))

test('a relay that starts while the database is away takes no worker for dead', () =>
  withApp(
    EMBEDDED,
    async (app) => {
      await claim(app, await insertPhoto(app))
      await expireLeases(app)
      const lock = await holdLock(app.config.databaseUrl.slice('sqlite:'.length))
      let isWaiting = false
      const back = whenDatabaseIsBack(
        app,
        () => checkDatabase(app.db),
        () => {
          isWaiting = true
        },
      )
      await until(() => isWaiting)
      await lock.release()
      await back
      expect(await freeExpired(app)).toBe(0)
    },
    { LEASE_MS: '60000' },
  ))
