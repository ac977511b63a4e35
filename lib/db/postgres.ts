import type { Socket } from 'node:net'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { type Db, PREPARED_MARK } from './port.ts'
import { openSilenceWatch } from './silence.ts'

const { builtins } = pg.types

/** Times as RFC 3339 UTC with milliseconds, counts as numbers, JSON as text: the same values as from SQLite. */
const PARSERS: Record<number, (text: string) => unknown> = {
  [builtins.TIMESTAMPTZ]: (text) => new Date(text).toISOString(),
  [builtins.INT8]: Number,
  [builtins.JSONB]: (text) => text,
}

/** Longest statement, in ms; PostgreSQL ends it, and, where the connection has gone silent, we do. */
const STATEMENT_MS = 10_000

/** A transaction in which nothing is done for so long is rolled back, in ms: it would hold up all who write. */
const IDLE_MS = 10_000

/** From when on the operating system asks whether the server of a quiet connection is there, in ms. */
const KEEP_ALIVE_MS = 5_000

export type PostgresOptions = {
  /** Longest statement, in ms. */
  statementMs?: number
}

/** Opens a pool that connects at the first query and again after the server was away, or silent. */
export function openPostgres(url: string, { statementMs = STATEMENT_MS }: PostgresOptions = {}): Db {
  const watchSilence = openSilenceWatch(statementMs)
  const pool = new pg.Pool({
    connectionString: url,
    max: 10,
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    // Not with the start of the connection: PgBouncer refuses settings there.
    async onConnect(client) {
      client.on('error', () => {})
      watchSilence(socketOf(client))
      await client.query(
        `set statement_timeout = ${statementMs}; set idle_in_transaction_session_timeout = ${IDLE_MS}`,
      )
    },
    types: {
      getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
        PARSERS[oid] ?? pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
    },
  })
  // A connection that the server ends while it is idle, or between two statements of a transaction: the next query
  // fails or opens another. Without this listener, and that of each client, the process would end.
  pool.on('error', () => {})
  pool.on('connect', prepareStatements)
  return new Kysely({ dialect: new PostgresDialect({ pool }) })
}

/** The types do not know it. */
const socketOf = (client: pg.ClientBase) =>
  (client as unknown as { connection: { stream: Socket } }).connection.stream

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
