import type { App } from '../app.ts'
import type { Db } from '../db/port.ts'
import type { Message } from '../queue/port.ts'
import type { NewEvent } from './event.ts'
import { insertEvents } from './insert.ts'
import { publishEvents, publishMessages } from './publish.ts'
import { publishWaiting } from './waiting.ts'

/**
 * Runs `work` in a transaction together with the events it emits, and publishes those after the commit. What could
 * not be published, or was not because the process died here, the relay publishes; and what waits for its turn.
 */
export async function record<T>(
  app: Pick<App, 'access' | 'db' | 'queue' | 'trace'>,
  work: (tx: Db, emit: (event: NewEvent) => void) => Promise<T>,
): Promise<T> {
  const { result, inserted } = await within(app.db, async (tx) => {
    const emitted: NewEvent[] = []
    const result = await work(tx, (event) => emitted.push(event))
    return { result, inserted: await insertEvents(tx, emitted, app.trace, app.queue.window) }
  })
  await publishEvents(
    app,
    inserted.rows.filter((row) => row.due),
  )
  if (inserted.isContended && !app.db.isTransaction) await publishWaiting(app, 1)
  return result
}

/** Runs `work` in the transaction that `db` is, or else in one of its own. */
const within = <T>(db: Db, work: (tx: Db) => Promise<T>): Promise<T> =>
  db.isTransaction ? work(db) : db.transaction().execute(work)

/**
 * Runs `work` with an app whose writes, those of `record` included, are one transaction: that of the app, where it has one. Their
 * messages are published after its commit.
 */
export async function inTransaction<A extends Pick<App, 'access' | 'db' | 'queue'>, T>(
  app: A,
  work: (app: A) => Promise<T>,
): Promise<T> {
  if (app.db.isTransaction) return work(app)
  // What is signed in the transaction must not wait for another connection: they may all be in transactions.
  await app.access.prepare().catch(() => {})
  const deferred: Message[] = []
  const publish = async (messages: readonly Message[]) => {
    deferred.push(...messages)
    return new Set<string>()
  }
  const result = await app.db
    .transaction()
    .execute((tx) => work({ ...app, db: tx, queue: { ...app.queue, publish } }))
  await publishMessages(app, deferred)
  return result
}
