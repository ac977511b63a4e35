import {
  type CompiledQuery,
  type DatabaseConnection,
  type Driver,
  Kysely,
  type QueryResult,
  SelectQueryNode,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import { TRANSACTION_ENDED } from '../away.ts'
import type { Db } from './port.ts'
import { makePrivate } from './private-file.ts'
import { clock, type SqliteResult } from './sqlite-message.ts'
import { openThread } from './sqlite-thread.ts'

/** A transaction in which nothing is done for so long is rolled back, in ms: it would hold up all who write. */
const IDLE_MS = 60_000

type SqliteOptions = {
  /** Longest pause of a transaction, in ms. */
  idleMs?: number
  /** The module that the threads run. */
  workerUrl?: URL
}

/**
 * Opens (or makes) an SQLite file; several processes may share it. Statements run in two threads, one that writes and one that
 * reads, so that neither a long one nor the lock of another process stops the event loop.
 */
export function openSqlite(file: string, options: SqliteOptions = {}): Db {
  makePrivate(file)
  return new Kysely({
    dialect: {
      createAdapter: () => new ThreadsAdapter(),
      createDriver: () => openDriver(file, options),
      createIntrospector: (db) => new SqliteIntrospector(db),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  })
}

/** Kysely would run one statement at a time, reads behind writes. */
class ThreadsAdapter extends SqliteAdapter {
  override get supportsMultipleConnections() {
    return true
  }
}

type Transaction = {
  /** From when it waits for the file's lock. */
  since: number
  begun: boolean
  running: number
  expired: boolean
  timer: NodeJS.Timeout
  /** Lets the next one write. */
  release(): void
}

function openDriver(file: string, { idleMs = IDLE_MS, workerUrl }: SqliteOptions): Driver {
  const writer = openThread({ file, access: 'write' }, workerUrl)
  const reader = openThread({ file, access: 'read' }, workerUrl)
  const transactions = new WeakMap<DatabaseConnection, Transaction>()
  let last = Promise.resolve()

  /** Waits until all who came before have sent what they have; returns what lets the next one go on. */
  const turn = async () => {
    const before = last
    const { promise, resolve } = Promise.withResolvers<void>()
    last = promise
    await before
    return resolve
  }
  const execute = async (connection: DatabaseConnection, query: CompiledQuery): Promise<SqliteResult> => {
    const { sql, parameters } = query
    const transaction = transactions.get(connection)
    if (transaction) return executeIn(transaction, sql, parameters)
    const since = clock()
    if (isRead(query)) return reader.run('read', sql, parameters, since)
    const release = await turn()
    const result = writer.run('write', sql, parameters, since)
    release()
    return result
  }
  const executeIn = async (transaction: Transaction, sql: string, parameters: readonly unknown[]) => {
    if (transaction.expired)
      throw transactionEnded(`The transaction was rolled back: nothing was done in it for ${idleMs} ms`)
    transaction.running++
    const step = transaction.begun ? 'next' : 'first'
    transaction.begun = true
    try {
      return await writer.run(step, sql, parameters, transaction.since)
    } finally {
      transaction.running--
      transaction.timer.refresh()
    }
  }
  /** What follows is sent behind the end of the transaction, and need not wait for its answer. */
  const end = (transaction: Transaction, step: 'commit' | 'rollback') => {
    clearTimeout(transaction.timer)
    const ended = transaction.begun ? writer.run(step, '', [], transaction.since) : undefined
    transaction.release()
    return ended
  }
  const finish = async (connection: DatabaseConnection, step: 'commit' | 'rollback') => {
    const transaction = transactions.get(connection)
    transactions.delete(connection)
    if (transaction && !transaction.expired) await end(transaction, step)
    else if (step === 'commit') throw transactionEnded('The transaction has ended')
  }
  return {
    // Both threads start together; the first read does not wait for its own.
    async init() {
      reader.run('read', 'select 1', [], clock()).catch(() => {})
    },
    async acquireConnection() {
      const connection: DatabaseConnection = {
        executeQuery: async <R>(query: CompiledQuery) => toResult<R>(await execute(connection, query)),
        async *streamQuery<R>(query: CompiledQuery) {
          yield toResult<R>(await execute(connection, query))
        },
      }
      return connection
    },
    releaseConnection: async () => {},
    async beginTransaction(connection) {
      const since = clock()
      const release = await turn()
      const expire = () => {
        if (transaction.running > 0) return void transaction.timer.refresh()
        transaction.expired = true
        end(transaction, 'rollback')?.catch(() => {})
      }
      const timer = setTimeout(expire, idleMs)
      timer.unref()
      const transaction = { since, begun: false, running: 0, expired: false, timer, release }
      transactions.set(connection, transaction)
    },
    commitTransaction: (connection) => finish(connection, 'commit'),
    rollbackTransaction: (connection) => finish(connection, 'rollback'),
    async destroy() {
      await reader.close()
      await writer.close()
    },
  }
}

const transactionEnded = (message: string) => Object.assign(new Error(message), { code: TRANSACTION_ENDED })

const isRead = ({ query, sql }: CompiledQuery) =>
  SelectQueryNode.is(query as never) || /^\s*select\b/i.test(sql)

const toResult = <R>({ rows, changes, lastInsertRowid }: SqliteResult): QueryResult<R> => ({
  rows: rows as R[],
  ...(changes !== undefined && { numAffectedRows: BigInt(changes) }),
  ...(lastInsertRowid !== undefined && { insertId: BigInt(lastInsertRowid) }),
})
