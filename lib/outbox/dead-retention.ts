import type { App } from '../app.ts'
import { endTurn, takeTurn } from '../db/turns.ts'

/** How often the sweep looks at the dead queue, in ms. */
const EVERY_MS = 3_600_000

/** Messages decided about in one go: the broker hands them out, oldest first. */
const BATCH = 500

/** Messages looked at in one go: those that do not say how old they are stay before all others. */
const MOST = 5_000

/**
 * Drops the messages from the broker's dead queue that are older than `eventsKeepMs`, as their events are deleted; returns how many. Those
 * that do not say since when they are dead stay.
 */
export async function dropOldDead({ config, db }: Pick<App, 'config' | 'db'>): Promise<number> {
  const { rabbitmqUrl: url, queueName, eventsKeepMs } = config
  if (!url || !(await takeTurn(db, 'dead', EVERY_MS))) return 0
  const { openDeadQueue } = await import('../queue/dead-queue.ts')
  const dead = await openDeadQueue({ url, queueName })
  try {
    const before = Date.now() - eventsKeepMs
    let left = BATCH
    const dropped = await dead.each(MOST, ({ at }) => {
      if (at === undefined) return 'keep'
      if (left-- === 0) return 'stop'
      return at < before ? 'drop' : 'keep'
    })
    if (dropped === BATCH) await endTurn(db, 'dead', null, 0)
    return dropped
  } finally {
    await dead.close()
  }
}
