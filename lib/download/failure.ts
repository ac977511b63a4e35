import type { IncomingHttpHeaders } from 'node:http'
import { AppError } from '../errors.ts'

const MAX_RETRY_AFTER_MS = 3_600_000

/** What an answer that is neither an image nor a redirect means: try later, or give up. */
export function badAnswer(status: number, headers: IncomingHttpHeaders): AppError {
  const message = `The source answered ${status}`
  const passing = status === 408 || status === 425 || status === 429 || status >= 500
  if (!passing) return new AppError('source-rejected', message)
  const retryAfterMs = parseRetryAfter(headers['retry-after'])
  return new AppError('source-unavailable', message, { retryAfterMs })
}

/**
 * What kept a download from its end, in words that tell a stranger nothing of a network: the log has the cause. `isComplete` where the answer was whole
 * by then: what came after it is a wrong length, as fewer bytes are, and not broken HTTP.
 */
export function failure(error: unknown, host: string, isComplete = false): AppError {
  for (let cause = error; cause instanceof Error; cause = cause.cause)
    if (cause instanceof AppError) return cause
  const options = { cause: error }
  if (error instanceof Error && error.name === 'TimeoutError') {
    return new AppError('download-timeout', `The download from ${host} took too long`, options)
  }
  const code = (error as NodeJS.ErrnoException | undefined)?.code
  if (code?.startsWith('HPE_') && !isComplete)
    return new AppError('invalid-answer', 'The answer of the source breaks the rules of HTTP', options)
  return new AppError('network-error', 'The source could not be reached, or broke off', options)
}

/** Milliseconds from now that `Retry-After` names, as seconds or as a date; at most an hour. */
export function parseRetryAfter(value: string | undefined, now = Date.now()): number | undefined {
  if (!value) return undefined
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS)
}
