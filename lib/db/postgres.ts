import type { Socket } from 'node:net'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { type Db, FIRST_TIME, LAST_TIME, PREPARED_MARK } from './port.ts'
import { openSilenceWatch } from './silence.ts'

const { builtins } = pg.types

/** Times as RFC 3339 UTC with milliseconds, counts as numbers, JSON as text: the same values as from SQLite. */
const PARSERS: Record<number, (text: string) => unknown> = {
  [builtins.TIMESTAMPTZ]: parseTime,
  [builtins.INT8]: Number,
  [builtins.JSONB]: (text) => text,
}

/**
 * What a server, database or role may set otherwise, and queries and parsers rely on. Set by statements, since a pooler refuses
 * most parameters of a connection; it keeps the first three for each client.
 */
const SESSION = `
  set datestyle = 'ISO, YMD';
  set timezone = 'UTC';
  set standard_conforming_strings = on;
  set default_transaction_isolation = 'read committed'`

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

/**
 * Opens a pool that connects at the first query and again after the server was away, or silent. Throws where the URL names
 * files that are not there.
 */
export function openPostgres(url: string, { statementMs = STATEMENT_MS }: PostgresOptions = {}): Db {
  const connectionString = withLibpqModes(url)
  checkConnection(connectionString)
  const watchSilence = openSilenceWatch(statementMs)
  const pool = new pg.Pool({
    connectionString,
    max: 10,
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    // Not with the start of the connection: PgBouncer refuses settings there.
    async onConnect(client) {
      client.on('error', () => {})
      watchSilence(socketOf(client))
      await client.query(
        `${SESSION}; set statement_timeout = ${statementMs}; set idle_in_transaction_session_timeout = ${IDLE_MS}`,
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
  // What pools transactions may give the next one another connection, which has not prepared anything.
  if (!/[?&]pgbouncer=true/.test(url)) pool.on('connect', prepareStatements)
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

/** Has `sslmode` mean what it does for psql: by itself the driver verifies the certificate in every mode. */
const withLibpqModes = (url: string) =>
  /[?&](uselibpqcompat|sslmode=no-verify)/.test(url)
    ? url
    : `${url}${url.includes('?') ? '&' : '?'}uselibpqcompat=true`

/** A connection reads certificates when it is opened; a file that is missing should stop the start. */
function checkConnection(connectionString: string): void {
  try {
    new pg.Client({ connectionString })
  } catch (error) {
    throw new Error(`DATABASE_URL cannot be used: ${(error as Error).message}`)
  }
}

/** From `2026-01-02 03:04:05.678+00`; what is beyond the years of RFC 3339 is the first or last moment that it has. */
function parseTime(text: string): string {
  if (text === '-infinity' || text.endsWith('BC')) return FIRST_TIME
  if (text === 'infinity' || /^\d{5}/.test(text)) return LAST_TIME
  return new Date(text.replace(' ', 'T').replace(/[+-]\d\d$/, '$&:00')).toISOString()
}
