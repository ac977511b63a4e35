import { sql } from 'kysely'
import { expect, inject, test } from 'vitest'
import { openPostgres } from '../../../lib/db/postgres.ts'

const url = inject('postgresUrl')

test.skipIf(!url)('PostgreSQL ends a statement that takes too long, and the connection goes on', async () => {
  const db = openPostgres(url ?? '', { statementMs: 300 })
  try {
    await db.connection().execute(async (connection) => {
      await expect(sql`select pg_sleep(60)`.execute(connection)).rejects.toMatchObject({ code: '57014' })
      expect((await sql`select 1 as one`.execute(connection)).rows).toEqual([{ one: 1 }])
    })
  } finally {
    await db.destroy()
  }
})

test.skipIf(!url)('statements and idle transactions have limits on each connection', async () => {
  const db = openPostgres(url ?? '')
  try {
    const settings = sql<{ statement: string; idle: string }>`select
      current_setting('statement_timeout') as statement,
      current_setting('idle_in_transaction_session_timeout') as idle`
    expect((await settings.execute(db)).rows).toEqual([{ statement: '10s', idle: '10s' }])
  } finally {
    await db.destroy()
  }
})
