import { AppError, type ErrorCode } from './errors.ts'

/** Codes that say of a request or an attempt that it met nothing wrong: what it needs is away now. */
export type AwayCode = Extract<ErrorCode, 'database-unavailable' | 'storage-unavailable'>

/** Node's codes for a server that cannot be reached, or whose connection broke. */
const CONNECTION_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EAI_AGAIN',
])

/**
 * PostgreSQL's own: class 08 (connection), 25006 (read-only), 25P03 and 25P04 (a transaction took too long), 40 (rolled back:
 * deadlock, serialization), 53 (disk full, out of memory, too many connections), 55P03 (a lock took too long), 57014 (a
 * statement took too long), 57P0x (shutting down, starting up), 58 (its own files fail).
 */
const POSTGRES_CODES = /^(08...|25006|25P0[34]|40...|53...|55P03|57014|57P0.|58...)$/

/** What pg throws without a code. */
const POSTGRES_MESSAGES =
  /^(Connection terminated|timeout exceeded when trying to connect|Query read timeout|Client has encountered a connection error|Client was closed and is not queryable)/

/**
 * SQLite's: the file is locked by another process for longer than the busy timeout (5, 6, 15), there is no memory (7), it is
 * read-only (8), the disk fails (10) or is full (13), the file cannot be opened (14).
 */
const SQLITE_CODES = new Set([5, 6, 7, 8, 10, 13, 14, 15])

/** The code of a statement whose thread died (lib/db/sqlite-thread.ts): its connection is gone, and the next statement gets another. */
export const THREAD_ENDED = 'THREAD_ENDED'

/** The code of a statement whose transaction is not there any more: it died with its thread, or was rolled back as it stood still. */
export const TRANSACTION_ENDED = 'TRANSACTION_ENDED'

/** Of a disk that is full, read-only, failing, gone or closed to us, and of a process that may open no more files. */
const DISK_CODES = new Set([
  'ENOSPC',
  'EDQUOT',
  'EROFS',
  'EACCES',
  'EPERM',
  'EIO',
  'ESTALE',
  'ENXIO',
  'ENODEV',
  'ENOTCONN',
  'EHOSTDOWN',
  'EMFILE',
  'ENFILE',
])

/** Answers of a bucket: it is closed to us (keys that are changed, a clock that is wrong), or does not work. */
const BUCKET_STATUSES = new Set([401, 403, 408, 429])

/** Names of the SDK's errors of the same kind; of the last the status is 400. */
const BUCKET_ERRORS = new Set([
  'NoSuchBucket',
  'TimeoutError',
  'CredentialsProviderError',
  'RequestTimeout',
  'ExpiredToken',
])

/** The code of an error that says that database or storage cannot be used now; undefined where something is wrong. */
export function awayCode(error: unknown): AwayCode | undefined {
  if (error instanceof AppError)
    return error.code === 'database-unavailable' || error.code === 'storage-unavailable'
      ? error.code
      : undefined
  if (!(error instanceof Error)) return undefined
  if (isDatabaseError(error)) return 'database-unavailable'
  return isDiskAway(error) ? 'storage-unavailable' : undefined
}

/** Whether an error says that the database cannot be used now, and not that a query is wrong. */
export const isDatabaseAway = (error: unknown): boolean => awayCode(error) === 'database-unavailable'

/** An error of a driver, or of the database itself. */
function isDatabaseError(error: Error): boolean {
  const { code = '', errcode = 0, syscall } = error as { code?: string; errcode?: number; syscall?: string }
  if (code === 'ERR_SQLITE_ERROR') return SQLITE_CODES.has(errcode & 0xff)
  if (code === THREAD_ENDED || code === TRANSACTION_ENDED) return true
  if (code === 'ENOENT') return syscall === 'connect'
  return CONNECTION_CODES.has(code) || POSTGRES_CODES.test(code) || POSTGRES_MESSAGES.test(error.message)
}

const isDiskAway = (error: Error): boolean => DISK_CODES.has((error as NodeJS.ErrnoException).code ?? '')

/** Whether an error that a backend of the storage throws says that the storage cannot be used now, and not that a key is wrong. */
export function isStorageAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code = '', name, $metadata } = error as S3Error
  const status = $metadata?.httpStatusCode ?? 0
  if (CONNECTION_CODES.has(code) || isDiskAway(error) || BUCKET_ERRORS.has(name)) return true
  return status >= 500 || BUCKET_STATUSES.has(status)
}

type S3Error = Error & { code?: string; $metadata?: { httpStatusCode?: number } }

/** Until a photo is tried again that a worker could not hold any longer, in ms. */
const RETRY_MS = 10_000

/** `database-unavailable` or `storage-unavailable`: no attempt counts, and what waits for it is tried without end. */
export const awayError = (code: AwayCode, cause: unknown): AppError =>
  new AppError(code, MESSAGES[code], {
    cause,
    mostAttempts: Number.POSITIVE_INFINITY,
    retryAfterMs: RETRY_MS,
  })

const MESSAGES: Record<AwayCode, string> = {
  'database-unavailable': 'The database cannot be reached now; try again',
  'storage-unavailable': 'The storage cannot be used now; try again',
}

/** A call that has not been answered within `ms`: what it needs is away. */
export const lateError = (ms: number, code: AwayCode): AppError =>
  awayError(code, new Error(`No answer within ${ms} ms`))
