import type { IncomingMessage } from 'node:http'
import { AppError } from '../errors.ts'

/** The least that a client sends of a form while we wait for it: 1 kB/s. */
const LEAST = { bytes: 30_000, ms: 30_000 }

/** How often we look whether we wait, in ms: a process that stood still counts as one look, not as a slow client. */
const LOOK_MS = 1_000

/** Longest that a body of JSON takes, and that the rest of a body that nobody reads is waited for, in ms. */
const BODY_MS = 30_000

/** Calls `fail` with `upload-too-slow` once a body comes too slowly; returns how to end that. */
export function watchPace(raw: IncomingMessage, fail: (error: AppError) => void): () => void {
  let waitedMs = 0
  let bytes = 0
  const count = (chunk: Buffer) => {
    bytes += chunk.length
  }
  const look = () => {
    // Paused, it waits for us.
    if (!raw.complete && !raw.isPaused()) waitedMs += LOOK_MS
    if (waitedMs < LEAST.ms) return
    if (bytes < LEAST.bytes) fail(new AppError('upload-too-slow', 'The upload brought too few bytes'))
    waitedMs = bytes = 0
  }
  raw.on('data', count)
  const timer = setInterval(look, LOOK_MS)
  return () => {
    clearInterval(timer)
    raw.off('data', count)
  }
}

/** Ends the reading of a body of JSON that has not come within 30 s: it throws `body-too-slow`. */
export function limitBodyTime(raw: IncomingMessage): void {
  const timer = setTimeout(() => {
    const error = new AppError('body-too-slow', `The body did not come within ${BODY_MS / 1000} s`)
    // Who reads it listens; destroyed, the request could not be answered.
    if (raw.listenerCount('error') > 0) raw.emit('error', error)
  }, BODY_MS).unref()
  const stop = () => clearTimeout(timer)
  raw.once('end', stop).once('close', stop)
}

/** Ends the connection of a request that was answered while its body had not come, unless the rest comes within 30 s; a socket is no body. */
export function limitRest(raw: IncomingMessage): void {
  if (raw.complete || ('upgrade' in raw && raw.upgrade)) return
  const timer = setTimeout(() => raw.destroy(), BODY_MS).unref()
  raw.once('close', () => clearTimeout(timer))
}
