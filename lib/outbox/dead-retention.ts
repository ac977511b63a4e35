import type { App } from '../app.ts'
import { endTurn, takeTurn } from '../db/turns.ts'

/** How often the sweep looks at the dead queue, in ms. */
const EVERY_MS = 3_600_000

/** Messages looked at in one go: the broker hands them out, oldest first. */
const BATCH = 500

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
    const dropped = await dead.each(BATCH, ({ at }) => (at !== undefined && at < before ? 'drop' : 'keep'))
    if (dropped === BATCH) await endTurn(db, 'dead', null, 0)
    return dropped
  } finally {
    await dead.close()
  }
}
