/** Node's codes for a server that cannot be reached, or whose connection broke. */
const CONNECTION_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EHOSTUNREACH',
  'EAI_AGAIN',
])

/** PostgreSQL's own: class 08 (connection), 57P0x (shutting down, starting up), 53300 (too many connections). */
const POSTGRES_CODES = /^(08|57P0|53300)/

/** What pg throws without a code. */
const MESSAGES =
  /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error)/

/** SQLite: the file is locked by another process for longer than the busy timeout (5), or the disk is full (13) or failing (10). */
const SQLITE_CODES = new Set([5, 10, 13])

/** The code of a statement whose thread died (lib/db/sqlite-thread.ts): its connection is gone, and the next statement gets another. */
export const THREAD_ENDED = 'THREAD_ENDED'

/** PostgreSQL: no such table, no such column. */
const LACKING_CODES = new Set(['42P01', '42703'])

/** Whether an error says that the database lacks a table or column: it has not been migrated yet. */
export function isSchemaLacking(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code = '' } = error as { code?: string }
  return (
    LACKING_CODES.has(code) ||
    (code === 'ERR_SQLITE_ERROR' && /^no such (table|column)|has no column/.test(error.message))
  )
}

/** Whether an error says that the database cannot be used now, and not that a query is wrong. */
export function isDatabaseAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code = '', errcode = 0, syscall } = error as { code?: string; errcode?: number; syscall?: string }
  if (code === 'ERR_SQLITE_ERROR') return SQLITE_CODES.has(errcode & 0xff)
  if (code === THREAD_ENDED) return true
  if (code === 'ENOENT') return syscall === 'connect'
  return CONNECTION_CODES.has(code) || POSTGRES_CODES.test(code) || MESSAGES.test(error.message)
}
