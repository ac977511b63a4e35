import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import { openDb } from '../../lib/db/index.ts'
import { migrate } from '../../lib/db/migrate.ts'
import type { Db } from '../../lib/db/port.ts'
import { type Environment, isAvailable, SETUPS, withEnvironment } from '../support/app.ts'
import { runCommand } from '../support/command.ts'
import { until } from '../support/service.ts'

const [, SERVERS] = SETUPS

/** Runs `npm run db:schema -- --yes` on a database. */
const makeSchema = (env: Environment) => runCommand('db-schema', ['--yes'], env)

/** Runs `use` with an empty database of a set-up. */
const withDb = (setup: (typeof SETUPS)[number], use: (db: Db, env: Environment) => Promise<void>) =>
  withEnvironment(setup, async (env) => {
    const db = await openDb(env.DATABASE_URL ?? '')
    try {
      await use(db, env)
    } finally {
      await db.destroy()
    }
  })

const run = (db: Db, statement: string) => sql.raw(statement).execute(db)
const count = async (db: Db, table: string) => (await run(db, `select * from ${table}`)).rows.length

describe.for(SETUPS)('npm run db:schema on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('drops and makes the tables of this service, and leaves those of others alone', () =>
    withDb(setup, async (db, env) => {
      await run(db, 'create table orders (id int)')
      await run(db, 'insert into orders values (1)')
      expect(await makeSchema(env)).toMatchObject({
        code: 0,
        out: expect.stringMatching(/^applied 0001/),
        error: '',
      })
      await run(db, "insert into photos (url) values ('https://example.com/1')")
      const { out, ...rest } = await makeSchema(env)
      expect(rest).toEqual({ code: 0, error: '' })
      expect(out).toMatch(/^dropped photos, .*, schema_migrations\napplied 0001/)
      expect(await count(db, 'photos')).toBe(0)
      expect(await count(db, 'orders')).toBe(1)
    }),
  )

  on('takes tables with the names of ours for those of another program where it has made none', () =>
    withDb(setup, async (db, env) => {
      await run(db, 'create table deliveries (parcel int)')
      await run(db, 'create table schema_migrations (version int)')
      await run(db, 'insert into deliveries values (1)')
      const { code, error } = await makeSchema(env)
      expect(code).toBe(1)
      expect(error).toMatch(/^Nothing was changed: .*\n$/)
      expect(await count(db, 'deliveries')).toBe(1)
      await expect(run(db, 'select * from photos')).rejects.toThrow()
    }),
  )
})

test.skipIf(!isAvailable(SERVERS))(
  'changes nothing where something of another program depends on a table',
  () =>
    withDb(SERVERS, async (db, env) => {
      await migrate(db)
      await run(db, "insert into photos (url) values ('https://example.com/1')")
      await run(db, 'create view report as select status, count(*) from photos group by status')
      const { code, error } = await makeSchema(env)
      expect(code).toBe(1)
      expect(error).toMatch(/^Nothing was changed: .*depend/)
      expect(await count(db, 'report')).toBe(1)
      expect(await count(db, 'events')).toBe(0)
      await run(db, 'drop view report')
      await run(db, 'create table votes (status photo_status)')
      expect(await makeSchema(env)).toMatchObject({ code: 0, error: '' })
      expect(await count(db, 'photos')).toBe(0)
      expect(await count(db, 'votes')).toBe(0)
    }),
)

test.skipIf(!isAvailable(SERVERS)).for([['db-schema', '--yes'], ['seed']])(
  'npm run %s waits for another that migrates, longer than a statement may take',
  ([name = '', ...args]) =>
    withEnvironment(SERVERS, async (env) => {
      // A session that says nothing for so long would be ended by default.
      const db = await openDb(env.DATABASE_URL ?? '', { statementMs: 600_000 })
      try {
        await db.connection().execute(async (holder) => {
          // The lock of migrations, as one that builds an index holds it.
          await run(holder, 'select pg_advisory_lock(7203114)')
          let isDone = false
          const running = runCommand(name, args, env).finally(() => {
            isDone = true
          })
          const waiting = `select from pg_stat_activity where datname = current_database()
          and wait_event_type = 'Lock' and query_start < now() - interval '11 seconds'`
          await until(async () => isDone || (await run(db, waiting)).rows.length > 0)
          expect(isDone).toBe(false)
          await run(holder, 'select pg_advisory_unlock(7203114)')
          expect(await running).toMatchObject({ code: 0, error: '' })
        })
      } finally {
        await db.destroy()
      }
    }),
)
