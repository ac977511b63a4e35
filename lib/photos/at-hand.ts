import type { App } from '../app.ts'
import { grouped } from '../db/grouped.ts'
import { type Db, nowPlus, uuids } from '../db/port.ts'

/** A photo that is claimed or handed back sooner, as most are, costs nothing: this share of the time between two sweeps. */
const SHARE = 1 / 4

/**
 * Says in the row of a photo, for as long as this process has its message and does not claim it, that the message is not
 * lost. Returns how to end it.
 */
export function keepAtHand({ config, db }: Pick<App, 'config' | 'db'>, uuid: string): () => void {
  const { leaseMs } = config
  const say = () => {
    timer = setTimeout(say, leaseMs / 3)
    // Said again before long; and while the database is away, no sweep asks.
    sayAtHand(db, [{ uuid, leaseMs }]).catch(() => {})
  }
  let timer = setTimeout(say, config.sweepIntervalMs * SHARE)
  return () => clearTimeout(timer)
}

const sayAtHand = grouped(async (db: Db, photos: readonly { uuid: string; leaseMs: number }[]) => {
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
