import type { App } from '../app.ts'
import { grouped } from '../db/grouped.ts'
import { type Db, nowPlus, uuids } from '../db/port.ts'

/** The first mark comes after this share of the time between two sweeps: most photos are claimed or handed back before. */
const SHARE = 1 / 4

/**
 * Marks a photo again and again while this process has its message and has not claimed it: the sweep does not take the message
 * for lost. Returns how to end it.
 */
export function keepAtHand({ config, db }: Pick<App, 'config' | 'db'>, uuid: string): () => void {
  const { leaseMs } = config
  const mark = () => {
    timer = setTimeout(mark, leaseMs / 3)
    // The next mark comes in time; and while the database is away, no sweep reads it.
    markAtHand(db, [{ uuid, leaseMs }]).catch(() => {})
  }
  let timer = setTimeout(mark, config.sweepIntervalMs * SHARE)
  return () => clearTimeout(timer)
}

const markAtHand = grouped(async (db: Db, photos: readonly { uuid: string; leaseMs: number }[]) => {
  const [first] = photos
  if (!first) return
  await db
    .updateTable('photos')
    .set({ lease_until: nowPlus(first.leaseMs) })
    .where(
      'uuid',
      'in',
      uuids(
        db,
        photos.map(({ uuid }) => uuid),
      ),
    )
    .where('status', '=', 'pending')
    .execute()
})
