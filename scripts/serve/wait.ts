import { setTimeout as delay } from 'node:timers/promises'
import type { App } from '../../lib/app.ts'
import { isDatabaseAway } from '../../lib/away.ts'
import { noteAway } from '../../lib/db/last-away.ts'

const RETRY_MS = 1_000

/**
 * Does what needs the database, and does it again while that is away; `onWait` is called each time. Throws where it fails for
 * another reason, or the process is to stop.
 */
export async function whenDatabaseIsBack<T>(
  { db, log, stopping }: Pick<App, 'db' | 'log' | 'stopping'>,
  work: () => Promise<T>,
  onWait = () => {},
): Promise<T> {
  for (;;) {
    stopping.throwIfAborted()
    try {
      return await work()
    } catch (error) {
      if (!isDatabaseAway(error)) throw error
      noteAway(db)
      log.warn({ err: (error as Error).message }, 'database not reachable, trying again')
      onWait()
    }
    await delay(RETRY_MS, undefined, { signal: stopping })
  }
}

/** What `work` brings; throws as soon as the process is to stop. */
export async function unlessStopped<T>({ stopping }: Pick<App, 'stopping'>, work: Promise<T>): Promise<T> {
  stopping.throwIfAborted()
  const stopped = Promise.withResolvers<never>()
  const stop = () => stopped.reject(stopping.reason)
  stopping.addEventListener('abort', stop)
  try {
    return await Promise.race([work, stopped.promise])
  } finally {
    stopping.removeEventListener('abort', stop)
  }
}
