import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import type { App } from '../app.ts'
import { type Db, isPostgres, nowPlus } from '../db/port.ts'
import { AppError } from '../errors.ts'
import { Answer, type Headers } from '../function.ts'
import { inTransaction } from '../outbox/record.ts'

/** How long a first answer is kept, in ms. */
const KEPT_MS = 24 * 3_600_000

/** A request that carries an `Idempotency-Key`; `route` is its method and path. */
type Keyed = { route: string; key: string; body: unknown }

/**
 * Does `work` once for a key: whoever comes again with the same body gets the first answer. The answer is stored in the
 * transaction of the work, so that a process that dies leaves both or neither; what `work` refuses is not stored, nor an answer
 * that is `no-store`. Throws
 * `idempotency-key-reused` for another body, and `idempotency-key-in-use` while the first still runs.
 * As draft-ietf-httpapi-idempotency-key-header-07 has it.
 */
export function answerOnce(
  app: App,
  { route, key, body }: Keyed,
  work: (app: App) => Promise<Answer>,
): Promise<Answer> {
  const fingerprint = createHash('sha256').update(JSON.stringify(body)).digest('hex')
  return whileAlone(app.db, `${route} ${key}`, () =>
    inTransaction(app, async (inner) => {
      await lock(inner.db, `${route} ${key}`)
      const known = await inner.db
        .selectFrom('idempotency_keys')
        .selectAll()
        .where('route', '=', route)
        .where('key', '=', key)
        .where('created_at', '>', nowPlus(-KEPT_MS))
        .executeTakeFirst()
      if (known && known.fingerprint !== fingerprint)
        throw new AppError('idempotency-key-reused', 'The key was used with another body')
      if (known) {
        const headers = { ...(JSON.parse(known.headers) as Headers), 'idempotency-replayed': 'true' }
        return new Answer(known.status, JSON.parse(known.body), headers)
      }
      const answer = await work(inner)
      // It carries a secret, or a link that ends: it is given once, and whoever comes again gets another.
      if (answer.headers['cache-control'] === 'no-store') return answer
      const first = {
        fingerprint,
        status: answer.status,
        headers: JSON.stringify(answer.headers),
        body: JSON.stringify(answer.body ?? null),
        created_at: nowPlus(),
      }
      await inner.db
        .insertInto('idempotency_keys')
        .values({ route, key, ...first })
        .onConflict((conflict) => conflict.columns(['route', 'key']).doUpdateSet(first))
        .execute()
      return answer
    }),
  )
}

/** Forgets answers that are too old to be given again; returns how many. */
export async function deleteOldAnswers({ db }: Pick<App, 'db'>): Promise<number> {
  const old = await db
    .deleteFrom('idempotency_keys')
    .where('created_at', '<', nowPlus(-KEPT_MS))
    .executeTakeFirst()
  return Number(old.numDeletedRows)
}

/** What runs now in this process, by database: in SQLite a second transaction would wait for the first, and answer late. */
const running = new WeakMap<Db, Set<string>>()

async function whileAlone<T>(db: Db, name: string, work: () => Promise<T>): Promise<T> {
  const names = running.get(db) ?? new Set()
  running.set(db, names)
  if (names.has(name)) throw inUse()
  names.add(name)
  try {
    return await work()
  } finally {
    names.delete(name)
  }
}

/** Holds a key against other processes until the transaction ends; SQLite lets one write at a time anyway. */
async function lock(tx: Db, name: string): Promise<void> {
  if (!isPostgres(tx)) return
  const { rows } = await sql<{
    locked: boolean
  }>`select pg_try_advisory_xact_lock(hashtextextended(${name}, 0)) as locked`.execute(tx)
  if (!rows[0]?.locked) throw inUse()
}

const inUse = () => new AppError('idempotency-key-in-use', 'A request with this key is still being answered')
