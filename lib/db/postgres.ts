import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { type Db, PREPARED_MARK } from './port.ts'

const { builtins } = pg.types

/** Times as RFC 3339 UTC with milliseconds, counts as numbers, JSON as text: the same values as from SQLite. */
const PARSERS: Record<number, (text: string) => unknown> = {
  [builtins.TIMESTAMPTZ]: (text) => new Date(text).toISOString(),
  [builtins.INT8]: Number,
  [builtins.JSONB]: (text) => text,
}

/** Opens a pool that connects at the first query and again after the server was away. */
export function openPostgres(url: string): Db {
  const pool = new pg.Pool({
    connectionString: url,
    max: 10,
    connectionTimeoutMillis: 5_000,
    types: {
      getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
        PARSERS[oid] ?? pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
    },
  })
  // A connection that the server ends while it is idle, or between two statements of a transaction: the next query
  // fails or opens another. Without these listeners the process would end.
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  pool.on('connect', prepareStatements)
  return new Kysely({ dialect: new PostgresDialect({ pool }) })
}

/** Names of prepared statements by their text: the same text has the same name on every connection. */
const names = new Map<string, string>()

/** Has a connection parse and plan once what ends with `PREPARED_MARK`; Kysely gives text and parameters only. */
function prepareStatements(client: pg.PoolClient): void {
  const query = client.query.bind(client) as (...statement: unknown[]) => unknown
  const queryPrepared = (text: unknown, values?: unknown, ...more: unknown[]) => {
    if (typeof text !== 'string' || !text.endsWith(PREPARED_MARK)) return query(text, values, ...more)
    const name = names.get(text) ?? `prepared_${names.size}`
    names.set(text, name)
    return query({ name, text, values }, ...more)
  }
  client.query = queryPrepared as typeof client.query
}
