import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { TRANSACTION_ENDED } from '../away.ts'
import {
  clock,
  type SqliteAnswer,
  type SqliteError,
  type SqliteRequest,
  type SqliteResult,
  type SqliteThreadData,
} from './sqlite-message.ts'

/** Longest wait for another process to give the file's lock back, in ms. */
const BUSY_MS = 5_000

/** Change of the time left from which SQLite is told, in ms. */
const BUSY_STEP_MS = 100

const STATEMENTS_KEPT = 200

/** Writes and transactions that come together are committed together, by one `fsync`; after so long no other joins them, in ms. */
const GROUP_MS = 10

/** A read that took so long is answered at once, and not together with those behind it, in ms. */
const QUICK_MS = 1

if (parentPort) serve(parentPort, workerData as SqliteThreadData)

/** Runs what comes through the port, in its order, until `undefined` comes. */
function serve(port: MessagePort, data: SqliteThreadData): void {
  const thread = openThread(data, (answers) => port.postMessage(answers))
  port.on('message', (first: readonly SqliteRequest[] | undefined) => {
    let requests: readonly SqliteRequest[] | undefined = first
    while (requests) {
      for (const request of requests) thread.take(request)
      const more = receiveMessageOnPort(port)
      // What came meanwhile joins the group.
      if (!more) return thread.rest()
      requests = more.message
    }
    thread.close()
    port.close()
  })
}

function openThread({ file, access }: SqliteThreadData, answer: (answers: SqliteAnswer[]) => void) {
  let database: DatabaseSync | undefined
  /** What SQLite was told last of how long it may wait for the file's lock. */
  let busyMs = BUSY_MS
  const statements = new Map<string, StatementSync>()
  /** Done, and to be answered. */
  let done: SqliteAnswer[] = []
  /** Done in the group of writes that is not committed; `since` when the first of them was. */
  let held: SqliteAnswer[] = []
  let since = 0
  /** Whether a transaction is in the group that has not ended. */
  let inTransaction = false

  const open = () => {
    const opened = new DatabaseSync(file, { timeout: BUSY_MS })
    opened.exec(access === 'read' ? 'pragma query_only = on' : WRITER)
    opened.function('now_plus', (ms) => new Date(Date.now() + Number(ms)).toISOString())
    return opened
  }
  const prepare = (db: DatabaseSync, sql: string) => {
    const known = statements.get(sql)
    if (known) return known
    const statement = db.prepare(sql)
    if (statements.size >= STATEMENTS_KEPT) statements.clear()
    statements.set(sql, statement)
    return statement
  }
  const execute = (db: DatabaseSync, { sql, parameters }: SqliteRequest): SqliteResult => {
    const statement = prepare(db, sql)
    const values = parameters.map(bindable)
    if (statement.columns().length > 0) return { rows: statement.all(...values) }
    return { rows: [], ...statement.run(...values) }
  }
  /** Has SQLite wait for the file's lock no longer than until 5 s after `since`. */
  const limitWait = (db: DatabaseSync, since: number) => {
    const left = Math.max(0, BUSY_MS - (clock() - since))
    if (Math.abs(left - busyMs) < BUSY_STEP_MS) return
    db.exec(`pragma busy_timeout = ${left}`)
    busyMs = left
  }
  const begin = (db: DatabaseSync, since: number) => {
    if (db.isTransaction) return
    limitWait(db, since)
    db.exec('begin immediate')
  }
  const commit = () => {
    try {
      if (database?.isTransaction) database.exec('commit')
      done.push(...held)
    } catch (error) {
      fail(error)
    }
    held = []
  }
  /** All of the group fails with what ended it. */
  const fail = (error: unknown) => {
    if (database?.isTransaction) database.exec('rollback')
    inTransaction = false
    done.push(...held.map(({ id }) => ({ id, error: plain(error) })))
    held = []
  }
  const hold = (answer: SqliteAnswer) => {
    if (held.length === 0) since = clock()
    held.push(answer)
  }
  const run = (db: DatabaseSync, request: SqliteRequest) => {
    const { id, step, sql } = request
    if (step === 'read') return void done.push({ id, result: execute(db, request) })
    if (step === 'write') {
      if (!GROUPED.test(sql)) {
        commit()
        limitWait(db, request.since)
        return void done.push({ id, result: execute(db, request) })
      }
      begin(db, request.since)
      return hold({ id, result: execute(db, request) })
    }
    if (step === 'first') {
      begin(db, request.since)
      db.exec('savepoint own')
      inTransaction = true
    }
    if (!inTransaction && step === 'rollback') return void done.push({ id, result: { rows: [] } })
    if (!inTransaction)
      throw Object.assign(new Error('The transaction has ended'), { code: TRANSACTION_ENDED })
    if (step === 'first' || step === 'next') return void done.push({ id, result: execute(db, request) })
    inTransaction = false
    if (step === 'rollback') db.exec('rollback to own')
    db.exec('release own')
    hold({ id, result: { rows: [] } })
  }
  const send = () => {
    if (done.length > 0) answer(done)
    done = []
  }
  return {
    take(request: SqliteRequest) {
      const start = performance.now()
      try {
        database ??= open()
        run(database, request)
      } catch (error) {
        // A full disk ends the transaction by itself.
        if (held.length > 0 && !database?.isTransaction) fail(error)
        if (!database?.isTransaction) inTransaction = false
        done.push({ id: request.id, error: plain(error) })
      }
      if (!inTransaction && held.length > 0 && clock() - since >= GROUP_MS) commit()
      if (performance.now() - start > QUICK_MS) send()
    },
    /** Nothing else has come. */
    rest() {
      if (!inTransaction) commit()
      send()
    },
    close() {
      this.rest()
      database?.close()
    },
  }
}

const WRITER = 'pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on'

/** Statements that may stand in a transaction with others. */
const GROUPED = /^\s*(insert|update|delete|with)\b/i

/** node:sqlite binds a Date silently as NULL and refuses booleans. */
function bindable(value: unknown): SQLInputValue {
  if (value === undefined) return null
  if (typeof value === 'boolean') return value ? 1 : 0
  if (value instanceof Date) return value.toISOString()
  return value as SQLInputValue
}

/** An error as it crosses to the other thread: an `Error` itself would lose its code. */
function plain(error: unknown): SqliteError {
  const { message, code, errcode, errstr } = error as SqliteError
  return {
    message,
    ...(code !== undefined && { code }),
    ...(errcode !== undefined && { errcode }),
    ...(errstr !== undefined && { errstr }),
  }
}
