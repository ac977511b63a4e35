import type { Logger } from 'pino'
import type { Caller } from './caller.ts'
import type { AccessControl } from './index.ts'

/** How often the key of a caller who stays is looked at, in ms. */
const LOOK_MS = 5_000

/** Calls `onEnd` once when the credential of a caller who stays connected has ended; returns how to stop that. */
export function watchCaller(
  { access, log }: { access: AccessControl; log: Pick<Logger, 'warn'> },
  caller: Caller,
  onEnd: () => void,
): () => void {
  const { keyId, print = '', until = Number.POSITIVE_INFINITY } = caller
  if (keyId === undefined && until === Number.POSITIVE_INFINITY) return () => {}
  const look = async () => {
    const holds =
      Date.now() < until && (keyId === undefined || (await access.keys.find(keyId, print)) !== undefined)
    if (holds) return
    clearInterval(timer)
    onEnd()
  }
  // A database that is away ends nobody: it says nothing of the key.
  const timer = setInterval(() => look().catch((err) => log.warn({ err }, 'key not looked at')), LOOK_MS)
  timer.unref()
  return () => clearInterval(timer)
}
