/**
 * What a statement is to a thread: a read; a write of its own; the first of a transaction, or a later one; or the end
 * of the transaction.
 */
export type Step = 'read' | 'write' | 'first' | 'next' | 'commit' | 'rollback'

/** One statement; `since` is the time of the machine's clock (`clock()`) from which it waits for the file's lock. */
export type SqliteRequest = {
  id: number
  step: Step
  sql: string
  parameters: readonly unknown[]
  since: number
}

export type SqliteResult = {
  rows: Record<string, unknown>[]
  changes?: number | bigint
  lastInsertRowid?: number | bigint
}

export type SqliteError = { message: string; code?: string; errcode?: number; errstr?: string }

export type SqliteAnswer = { id: number; result: SqliteResult } | { id: number; error: SqliteError }

export type SqliteThreadData = { file: string; access: 'read' | 'write' }

/** A clock that all threads of the process share, in ms. */
export const clock = (): number => Number(process.hrtime.bigint() / 1_000_000n)
