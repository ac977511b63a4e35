import { AppError } from '../errors.ts'

/** A photo that a stopping worker hands back is queued again by the next run of the relay. */
const AT_ONCE_MS = 1

/** Why a photo is handed back before its download: something is taken by slow downloads, or the worker stops. */
export type HandBackReason = 'host' | 'downloads' | 'circuit' | 'memory' | 'stop'

/** What hands a photo back: it waits for so long, and no attempt counts. */
export function handBackError(reason: HandBackReason, host = '', delayMs = AT_ONCE_MS): AppError {
  const options = {
    reason,
    retryAfterMs: reason === 'stop' ? AT_ONCE_MS : delayMs,
    mostAttempts: Number.POSITIVE_INFINITY,
  }
  return new AppError('handed-back', whyOf(reason, host), options)
}

function whyOf(reason: HandBackReason, host: string): string {
  switch (reason) {
    case 'host':
      return `All downloads from ${host} are taken, and slow`
    case 'circuit':
      return `Downloads from ${host} time out one after another`
    case 'downloads':
      return 'All downloads are taken, and slow'
    case 'memory':
      return 'The memory for sources is taken by slow downloads'
    case 'stop':
      return 'The worker stops'
  }
}
