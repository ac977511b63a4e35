import { type Kysely, sql } from 'kysely'
import { expect, test } from 'vitest'
import type { Db } from '../../lib/db/port.ts'
import { PHOTO_STATUSES } from '../../lib/photo-status.ts'
import { isAvailable, SETUPS, withApp } from '../support/app.ts'

const [EMBEDDED, SERVERS] = SETUPS

/** The columns of every table: whether each may be null, and whether it has a default. */
async function columnsOf(db: Db) {
  const tables = await (db as Kysely<unknown>).introspection.getTables()
  return tables
    .flatMap(({ name: table, columns }) =>
      columns.map(({ name, isNullable, hasDefaultValue, isAutoIncrementing }) => ({
        column: `${table}.${name}`,
        isNullable,
        hasDefaultValue: hasDefaultValue || isAutoIncrementing,
      })),
    )
    .sort((one, other) => (one.column < other.column ? -1 : 1))
}

/** Names that a query gives, sorted. */
const namesOf = async (db: Db, query: ReturnType<typeof sql<{ name: string }>>) =>
  (await query.execute(db)).rows.map(({ name }) => name).sort()

test.skipIf(!isAvailable(SERVERS))('PostgreSQL and SQLite have the same tables, columns and indexes', () =>
  withApp(EMBEDDED, (embedded) =>
    withApp(SERVERS, async (servers) => {
      expect(await columnsOf(embedded.db)).toEqual(await columnsOf(servers.db))
      const inSqlite = sql<{
        name: string
      }>`select name from sqlite_master where type = 'index' and sql is not null`
      // What a constraint makes has no name of its own in SQLite.
      const inPostgres = sql<{
        name: string
      }>`select relname as name from pg_class join pg_index on indexrelid = oid
        where relnamespace = current_schema()::regnamespace
        and not exists (select from pg_constraint where conindid = indexrelid)`
      expect(await namesOf(embedded.db, inSqlite)).toEqual(await namesOf(servers.db, inPostgres))
      const statuses = sql<{ name: string }>`select unnest(enum_range(null::photo_status))::text as name`
      expect(await namesOf(servers.db, statuses)).toEqual(PHOTO_STATUSES.toSorted())
    }),
  ),
)
