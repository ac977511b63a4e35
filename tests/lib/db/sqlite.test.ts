import { execFile } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { isDatabaseAway } from '../../../lib/away.ts'
import type { Db } from '../../../lib/db/port.ts'
import { openSqlite } from '../../../lib/db/sqlite.ts'
import { clock } from '../../../lib/db/sqlite-message.ts'
import { openThread } from '../../../lib/db/sqlite-thread.ts'
import { holdLock, longestStop, withFile } from '../../support/sqlite.ts'

const DYING = new URL('./dying-thread.ts', import.meta.url)

/** Runs `use` with a database that has a table `t` of numbers. */
const withDb = <T>(use: (db: Db, file: string) => Promise<T>, options = {}): Promise<T> =>
  withFile(async (file) => {
    const db = openSqlite(file, options)
    try {
      await sql`create table t (n integer unique)`.execute(db)
      return await use(db, file)
    } finally {
      await db.destroy()
    }
  })

const insert = (db: Db, n: number) => sql`insert into t values (${n})`.execute(db)

const numbers = async (db: Db) =>
  (await sql<{ n: number }>`select n from t order by n`.execute(db)).rows.map(({ n }) => n)

/** What a promise rejects with. */
const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  )

/** Counts for a while. */
const count = (db: Db, to: number) =>
  sql<{ c: number }>`select count(*) as c from
    (with recursive r(x) as (select 1 union all select x + 1 from r where x < ${to}) select x from r)`.execute(
    db,
  )

test('a long query stops neither the event loop nor those who write', () =>
  withDb(async (db) => {
    let isCounting = true
    let written = 0
    const { stopMs, ms } = await longestStop(async () => {
      const counted = count(db, 5_000_000).finally(() => {
        isCounting = false
      })
      while (isCounting) await insert(db, ++written)
      expect((await counted).rows).toEqual([{ c: 5_000_000 }])
    })
    expect(stopMs).toBeLessThan(ms / 2)
    expect(written).toBeGreaterThan(5)
  }))

test('the lock of another process stops neither the event loop nor those who read; who writes gets it afterwards', () =>
  withDb(async (db, file) => {
    await insert(db, 1)
    const lock = await holdLock(file)
    let isWritten = false
    const { stopMs, ms } = await longestStop(async () => {
      const written = insert(db, 2).finally(() => {
        isWritten = true
      })
      const end = performance.now() + 2_000
      while (performance.now() < end) {
        expect(await numbers(db)).toEqual([1])
        await delay(10)
      }
      expect(isWritten).toBe(false)
      await lock.release()
      await written
    })
    expect(stopMs).toBeLessThan(ms / 2)
    expect(await numbers(db)).toEqual([1, 2])
  }))

test('all that wait for a lock give up when their own 5 s are over, as a database that is away', () =>
  withDb(async (db, file) => {
    const lock = await holdLock(file)
    const start = performance.now()
    const writes = Array.from({ length: 20 }, (_, n) =>
      n % 2 ? insert(db, n) : db.transaction().execute((tx) => insert(tx, n)),
    )
    const outcomes = await Promise.allSettled(writes)
    // One after the other they would take 100 s.
    expect(performance.now() - start).toBeLessThan(50_000)
    await lock.release()
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'ERR_SQLITE_ERROR', errcode: 5 } })
      expect(isDatabaseAway(outcome.status === 'rejected' && outcome.reason)).toBe(true)
    }
    await insert(db, 100)
    expect(await numbers(db)).toEqual([100])
  }))

test('of transactions that run at once each is whole, and those that fail leave nothing', () =>
  withDb(async (db) => {
    const outcomes = await Promise.allSettled(
      Array.from({ length: 90 }, (_, i) =>
        db.transaction().execute(async (tx) => {
          const before = (await numbers(tx)).length
          await insert(tx, 2 * i)
          await insert(tx, 2 * i + 1)
          expect((await numbers(tx)).length - before).toBe(2)
          if (i % 3 === 0) throw new Error('not this one')
          if (i % 3 === 1) await insert(tx, 2 * i)
        }),
      ),
    )
    expect(outcomes.map(({ status }) => status)).toEqual(
      Array.from({ length: 90 }, (_, i) => (i % 3 === 2 ? 'fulfilled' : 'rejected')),
    )
    expect(outcomes[1]).toMatchObject({ reason: { code: 'ERR_SQLITE_ERROR', errcode: 2067 } })
    const whole = Array.from({ length: 180 }, (_, n) => n).filter((n) => Math.floor(n / 2) % 3 === 2)
    expect(await numbers(db)).toEqual(whole)
  }))

test('a write that fails is no other one’s fault, and a transaction is not seen before its end', () =>
  withDb(async (db) => {
    const writes = [1, 2, 2, 3].map((n) => insert(db, n))
    const outcomes = await Promise.allSettled(writes)
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled'])
    await db.transaction().execute(async (tx) => {
      await insert(tx, 4)
      expect(await numbers(db)).toEqual([1, 2, 3])
      expect(await numbers(tx)).toEqual([1, 2, 3, 4])
    })
    expect(await numbers(db)).toEqual([1, 2, 3, 4])
  }))

test('a transaction in which nothing happens any more is rolled back, and holds nobody up for ever', () =>
  withDb(
    async (db) => {
      const stuck = db.transaction().execute(async (tx) => {
        await insert(tx, 1)
        // Not `tx`: this waits for the transaction that it is in.
        await insert(db, 2)
        await insert(tx, 3)
      })
      const error = await failureOf(stuck)
      expect(String(error)).toContain('rolled back')
      expect(isDatabaseAway(error)).toBe(true)
      await insert(db, 4)
      expect(await numbers(db)).toEqual([2, 4])
    },
    { idleMs: 200 },
  ))

test('a transaction that goes on is not rolled back, however long it takes', () =>
  withDb(
    async (db) => {
      await db.transaction().execute(async (tx) => {
        for (let n = 0; n < 10; n++) {
          await insert(tx, n)
          await count(tx, 300_000)
        }
      })
      expect(await numbers(db)).toHaveLength(10)
    },
    { idleMs: 1_000 },
  ))

test('a thread that dies takes along what it did, as a database that is away, and is replaced', () =>
  withDb(
    async (db) => {
      await insert(db, 1)
      const transaction = db.transaction().execute(async (tx) => {
        await insert(tx, 2)
        await sql`insert into t values ('die')`.execute(tx)
      })
      expect(isDatabaseAway(await failureOf(transaction))).toBe(true)
      expect(isDatabaseAway(await failureOf(sql`select 'die'`.execute(db)))).toBe(true)
      await insert(db, 3)
      expect(await numbers(db)).toEqual([1, 3])
      // A statement that comes when the thread of its transaction is gone is not one by itself.
      const torn = db.transaction().execute(async (tx) => {
        await insert(tx, 4)
        await sql`insert into t values ('die')`.execute(tx).catch(() => {})
        await insert(tx, 5)
      })
      const error = await failureOf(torn)
      expect(String(error)).toContain('has ended')
      expect(isDatabaseAway(error)).toBe(true)
      expect(await numbers(db)).toEqual([1, 3])
    },
    { workerUrl: DYING },
  ))

test('the end of a dead thread is no end of the one after it', () =>
  withDb(
    async (db) => {
      for (let n = 0; n < 5; n++) {
        // Its error comes before its exit.
        const error = await failureOf(sql`insert into t values ('throw')`.execute(db))
        expect(isDatabaseAway(error)).toBe(true)
        await insert(db, n)
      }
      expect(await numbers(db)).toEqual([0, 1, 2, 3, 4])
    },
    { workerUrl: DYING },
  ))

test('SQLite is told of each wait that is left, however little the waits differ', () =>
  withFile(async (file) => {
    const thread = openThread({ file, access: 'write' })
    const run = (statement: string, waitedMs = 0) =>
      thread.run(statement.startsWith('pragma') ? 'read' : 'write', statement, [], clock() - waitedMs)
    await run('create table t (n integer)')
    for (let waitedMs = 0; waitedMs <= 3_000; waitedMs += 50) await run('insert into t values (1)', waitedMs)
    const { rows } = await run('pragma busy_timeout')
    expect(rows[0]?.timeout).toBeLessThan(2_500)
    await thread.close()
  }))

test('binds times, booleans and nothing, and tells of rows and changes', () =>
  withDb(async (db) => {
    const time = new Date('2026-01-02T03:04:05.006Z')
    const { rows } = await sql`select ${time} as at, ${true} as yes, ${undefined} as none`.execute(db)
    expect(rows).toEqual([{ at: '2026-01-02T03:04:05.006Z', yes: 1, none: null }])
    expect(await insert(db, 1)).toMatchObject({ rows: [], numAffectedRows: 1n, insertId: 1n })
    expect((await sql`insert into t values (2) returning n`.execute(db)).rows).toEqual([{ n: 2 }])
    const error = await sql`nonsense`.execute(db).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'ERR_SQLITE_ERROR', errcode: 1 })
    expect(isDatabaseAway(error)).toBe(false)
    await expect(db.destroy().then(() => insert(db, 3))).rejects.toThrow('destroyed')
  }))

test.for([
  ['and closes it', 'await db.destroy()'],
  ['and leaves it open', ''],
])('a process that uses a database %s ends by itself', ([, end]) =>
  withFile(async (file) => {
    const url = new URL('../../../lib/db/index.ts', import.meta.url).href
    const script = `
      const { openDb } = await import(${JSON.stringify(url)})
      const { sql } = await import('kysely')
      const db = await openDb('sqlite:${file}')
      await sql\`create table t (n integer)\`.execute(db)
      await sql\`insert into t values (1)\`.execute(db)
      console.log((await sql\`select n from t\`.execute(db)).rows.length)
      ${end}`
    const run = promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], {
      timeout: 60_000,
    })
    expect(await run).toEqual({ stdout: '1\n', stderr: '' })
  }),
)

test('a file that cannot be opened is a database that is away', () =>
  withFile(async (file) => {
    const db = openSqlite(`${file}/..`)
    const error = await failureOf(insert(db, 1))
    expect(error).toMatchObject({ code: 'ERR_SQLITE_ERROR', errcode: 14 })
    expect(isDatabaseAway(error)).toBe(true)
    await db.destroy()
  }))

test('a process that closes while a statement waits for its thread goes on after that', () =>
  withFile(async (file) => {
    const script = `
      const { openThread } = await import(${JSON.stringify(new URL('../../../lib/db/sqlite-thread.ts', import.meta.url).href)})
      const thread = openThread({ file: ${JSON.stringify(file)}, access: 'read' })
      thread.run('read', 'select 1', [], 0).catch(() => {})
      await new Promise(setImmediate)
      await thread.close()
      console.log('closed')`
    const run = promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script])
    expect((await run).stdout).toBe('closed\n')
  }))
