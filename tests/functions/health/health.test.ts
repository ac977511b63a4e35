import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { health } from '../../../functions/health/health.ts'
import { SETUPS, withApp } from '../../support/app.ts'
import { holdLock, longestStop } from '../../support/sqlite.ts'
import { insertPhoto, withServer } from '../support.ts'
import { testAnswers } from './support.ts'

testAnswers(health)

test('answers all the time while another process holds the lock of the SQLite file, and while a query runs', () =>
  withApp(SETUPS[0], (app) =>
    withServer(app, async (url) => {
      const lock = await holdLock(app.config.databaseUrl.replace('sqlite:', ''))
      const times: number[] = []
      const { stopMs, ms } = await longestStop(async () => {
        const written = insertPhoto(app)
        const counted = sql`select count(*) from
          (with recursive r(x) as (select 1 union all select x + 1 from r where x < 5000000) select x from r)`.execute(
          app.db,
        )
        const end = performance.now() + 2_000
        while (performance.now() < end) {
          const start = performance.now()
          expect((await fetch(`${url}/health`)).status).toBe(200)
          times.push(performance.now() - start)
        }
        await lock.release()
        await Promise.all([written, counted])
      })
      expect(stopMs).toBeLessThan(ms / 2)
      expect(Math.max(...times)).toBeLessThan(ms / 2)
      expect(times.length).toBeGreaterThan(10)
    }),
  ))
