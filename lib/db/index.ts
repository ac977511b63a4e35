import type { Db } from './port.ts'
import type { PostgresOptions } from './postgres.ts'

/** Opens the database that the URL names (`sqlite:<file>`, `postgres://…`), connecting at the first query. */
export async function openDb(url: string, options?: PostgresOptions): Promise<Db> {
  if (url.startsWith('sqlite:')) return (await import('./sqlite.ts')).openSqlite(url.slice('sqlite:'.length))
  return (await import('./postgres.ts')).openPostgres(url, options)
}
