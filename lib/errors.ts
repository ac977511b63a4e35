/** What a broken rule throws: a stable code for machines, an HTTP status, a sentence for people. */
export class AppError extends Error {
  readonly code: string
  readonly status: number
  /** Whether the same attempt may succeed later; the pipeline then backs off and tries again. */
  readonly retry: boolean
  /** After how many attempts in all there is no other, where that is less than usual. */
  readonly mostAttempts: number | undefined
  /** The least delay before the next attempt, in ms, where the other side named one (`Retry-After`). */
  readonly retryAfterMs: number | undefined
  /** Which parts of a request are wrong, as RFC 6901 JSON pointers. */
  readonly errors: FieldError[] | undefined
  /** What the problem says besides (RFC 9457, 3.2). */
  readonly extensions: Readonly<Record<string, string>> | undefined

  constructor(code: string, status: number, message: string, options: AppErrorOptions = {}) {
    super(message, { cause: options.cause })
    this.name = 'AppError'
    this.code = code
    this.status = status
    this.retry = options.retry ?? false
    this.mostAttempts = options.mostAttempts
    this.retryAfterMs = options.retryAfterMs
    this.errors = options.errors
    this.extensions = options.extensions
  }
}

export type FieldError = { pointer: string; detail: string }

export type AppErrorOptions = {
  retry?: boolean
  mostAttempts?: number | undefined
  retryAfterMs?: number | undefined
  errors?: FieldError[]
  extensions?: Record<string, string>
  cause?: unknown
}

/** The answer to an id that names nothing, or is no id at all. */
export const notFound = (what: string) => new AppError('not-found', 404, `${what} not found`)
