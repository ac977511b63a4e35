import { setTimeout as delay } from 'node:timers/promises'
import type { App } from '../app.ts'
import { type Db, nowPlus, uuids } from '../db/port.ts'
import { GRACE_MS } from './insert.ts'
import { markSoon } from './mark-soon.ts'

const awaited = new WeakMap<Db, Set<string>>()

/**
 * Waits in the background for the answers of a broker that has messages and has not confirmed them in time, as during its
 * memory alarm. Meanwhile the relay, of whatever process, leaves their events alone: it would publish them once more. Where
 * this process dies, it does.
 */
export function awaitAnswers({ db, queue }: Pick<App, 'db' | 'queue'>, ids: readonly string[]): void {
  const known = awaited.get(db)
  const waiting = known ?? new Set<string>()
  for (const id of ids) {
    const answer = queue.pending.get(id)
    if (!answer || waiting.has(id)) continue
    waiting.add(id)
    answer.then((isConfirmed) => {
      waiting.delete(id)
      if (isConfirmed) markSoon(db, [id])
    })
  }
  if (known || waiting.size === 0) return
  awaited.set(db, waiting)
  keepAway(db, waiting).finally(() => awaited.delete(db))
}

async function keepAway(db: Db, waiting: ReadonlySet<string>): Promise<void> {
  while (waiting.size > 0) {
    await db
      .updateTable('events')
      .set({ publish_after: nowPlus(GRACE_MS) })
      .where('id', 'in', uuids(db, [...waiting]))
      .where('published_at', 'is', null)
      .execute()
      // While the database is away, the relay finds nothing either.
      .catch(() => {})
    await delay(GRACE_MS / 3, undefined, { ref: false })
  }
}
