import { type Kysely, PostgresAdapter, type RawBuilder, sql } from 'kysely'
import type { Tables } from './tables/index.ts'

/** The database, or a transaction of it: queries take either as their first argument. */
export type Db = Kysely<Tables>

export function isPostgres(db: Db): boolean {
  return db.getExecutor().adapter instanceof PostgresAdapter
}

/** The database's own time plus `ms` milliseconds: clocks of processes differ, leases must not. */
export const nowPlus = (ms = 0): RawBuilder<string> => sql<string>`now_plus(${sql.lit(ms)})`

export const PREPARED_MARK = '/* prepared */'

/**
 * The end of a statement that PostgreSQL parses and plans once a connection. For frequent ones, whose text and columns are
 * always the same: each text is kept until the connection ends.
 */
export const PREPARED = sql.raw(PREPARED_MARK)

/** The first and the last moment that RFC 3339 has: they stand for all that is before or after, such as `infinity`. */
export const FIRST_TIME = '0001-01-01T00:00:00.000Z'
export const LAST_TIME = '9999-12-31T23:59:59.999Z'

/** A subquery of the given uuids, however many: a list of parameters has a limit on either database. */
export const uuids = (db: Db, list: readonly string[]): RawBuilder<string> =>
  subquery(db, list, 'value::uuid')

/** The same of any texts. */
export const texts = (db: Db, list: readonly string[]): RawBuilder<string> => subquery(db, list, 'value')

function subquery(db: Db, list: readonly string[], inPostgres: string): RawBuilder<string> {
  const json = JSON.stringify(list)
  return isPostgres(db)
    ? sql<string>`(select ${sql.raw(inPostgres)} from jsonb_array_elements_text(${json}::jsonb))`
    : sql<string>`(select value from json_each(${json}))`
}

const ROWS_PER_INSERT = 1000

/** Cuts rows into parts of which each fits into one INSERT (SQLite: 32,766 parameters, PostgreSQL: 65,535). */
export function* chunks<T>(rows: readonly T[], size = ROWS_PER_INSERT): Generator<T[]> {
  for (let start = 0; start < rows.length; start += size) yield rows.slice(start, start + size)
}
