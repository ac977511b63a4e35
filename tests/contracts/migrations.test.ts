import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import { openDb } from '../../lib/db/index.ts'
import { migrate } from '../../lib/db/migrate.ts'
import type { Db } from '../../lib/db/port.ts'
import { type Environment, isAvailable, SETUPS, withEnvironment } from '../support/app.ts'

const DATABASES = [
  { name: 'SQLite', own: 'sqlite', setup: SETUPS[0] },
  { name: 'PostgreSQL', own: 'postgres', setup: SETUPS[1] },
] as const

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const SIX = [1, 2, 3, 4, 5, 6]

/** The files of `sql/` that are for a database. */
const filesFor = async (own: string) =>
  (await readdir(`${ROOT}sql`)).filter((file) => file.split('.').length === 2 || file.includes(own)).sort()

/** What a process that migrates says. */
async function migrateApart(env: Environment): Promise<string> {
  const options = { cwd: ROOT, env: { PATH: process.env.PATH ?? '', ...env } }
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['scripts/run.mjs', 'serve/start', 'migrate'],
    options,
  )
  return stdout.trim()
}

const appliedOf = async (db: Db) =>
  (await sql<{ name: string }>`select name from schema_migrations order by name`.execute(db)).rows.map(
    ({ name }) => name,
  )

describe.for(DATABASES)('migrations in $name', ({ setup, own }) => {
  const on = test.skipIf(!isAvailable(setup))

  on('six processes that migrate at once apply each file once', () =>
    withEnvironment(setup, async (env) => {
      const files = await filesFor(own)
      const said = await Promise.all(SIX.map(() => migrateApart(env)))
      const nothing = Array(5).fill('nothing to apply')
      expect(said.sort()).toEqual([`applied ${files.join(', ')}`, ...nothing])
      const db = await openDb(env.DATABASE_URL ?? '')
      expect([await appliedOf(db), await migrate(db)]).toEqual([files, []])
      await db.destroy()
    }),
  )
})

test.skipIf(!isAvailable(SETUPS[1]))('six pools of one process migrate PostgreSQL once', () =>
  withEnvironment(SETUPS[1], async (env) => {
    const files = await filesFor('postgres')
    const dbs = await Promise.all(SIX.map(() => openDb(env.DATABASE_URL ?? '')))
    const applied = await Promise.all(dbs.map((db) => migrate(db)))
    for (const db of dbs) await db.destroy()
    expect(applied.filter((names) => names.length > 0)).toEqual([files])
  }),
)
