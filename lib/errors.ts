/** An error code: the status of its answer, whether a later attempt may succeed, and what it means in one sentence. */
type ErrorKind = { status: number; retry?: boolean; means: string }

/** Every error code. A photo that failed has the code only; a request that is refused has the status too. */
export const ERROR_CODES = {
  // Of requests.
  'malformed-json': { status: 400, means: 'The body is not JSON.' },
  'malformed-request': { status: 400, means: 'The request breaks the rules of HTTP.' },
  unauthorized: { status: 401, means: 'The request carries no valid key, token or session.' },
  forbidden: { status: 403, means: 'The credential lacks the scope that the endpoint needs.' },
  'link-invalid': { status: 403, means: 'The signature of the link is not one of this service.' },
  'link-expired': { status: 403, means: 'The link has expired; read the photo again for a new one.' },
  'foreign-origin': {
    status: 403,
    means: 'A page of another origin sent the request; `CORS_ORIGINS` names those that may.',
  },
  'behind-a-proxy': {
    status: 403,
    means: 'A proxy sent the request to a service that is open to its own machine only; set `AUTH`.',
  },
  'unknown-host': {
    status: 421,
    means: 'The `Host` is not one of this service; `ALLOWED_HOSTS` names more.',
  },
  'upload-refused': { status: 403, means: 'The upload form is not the one that was handed out.' },
  'upload-expired': { status: 403, means: 'The upload was not finished in time.' },
  'not-found': { status: 404, means: 'There is nothing under this address or id.' },
  'method-not-allowed': {
    status: 405,
    means: 'The address does not take the method; `Allow` names those that it takes.',
  },
  'body-too-slow': { status: 408, means: 'The body did not come within 30 s.' },
  'upload-too-slow': { status: 408, means: 'The upload brought less than 30 kB in 30 s.' },
  'already-active': { status: 409, means: 'A job of this URL waits or is being processed.' },
  'already-completed': { status: 409, means: 'The photo is completed; `force` processes it again.' },
  'already-processing': { status: 409, means: 'The photo is being processed.' },
  'already-uploaded': { status: 409, means: 'The image has been uploaded.' },
  'too-many': { status: 409, means: 'More photos fit the filter than `at_most` allows; nothing was done.' },
  'idempotency-key-in-use': { status: 409, means: 'A request with this key is still being answered.' },
  'not-uploaded': { status: 409, means: 'The image has not been uploaded yet.' },
  'body-too-large': { status: 413, means: 'The body has more than 4 MiB.' },
  'form-too-large': { status: 413, means: 'The form has more than 20 times `MAX_SOURCE_BYTES`.' },
  'too-many-files': { status: 413, means: 'The form has too many files or fields.' },
  'unsupported-media-type': {
    status: 415,
    means: 'The body has another content type than the endpoint takes.',
  },
  'idempotency-key-reused': { status: 422, means: 'The key was used with another body.' },
  invalid: { status: 422, means: 'The request does not fit; `errors` names each part that is wrong.' },
  'at-most-required': {
    status: 422,
    means: 'The filter is empty or fits over 1,000 photos; `at_most` must say how many.',
  },
  'invalid-upload': { status: 422, means: 'The form lacks its file, or has it in a field of another name.' },
  'rate-limited': {
    status: 429,
    means: 'The key has had its requests of this minute, or the address sent 60 wrong ones.',
  },
  'quota-exceeded': {
    status: 429,
    means: 'The project has used up a quota; `quota` says which, `Retry-After` until when.',
  },
  'too-many-sockets': {
    status: 429,
    means: 'The key or token has 16 sockets, event streams and waits open.',
  },
  'too-many-connections': { status: 503, means: 'The service, or the address, has too many connections.' },
  'database-unavailable': {
    status: 503,
    retry: true,
    means: 'The database is away: not to be reached, read-only, full or silent.',
  },
  'storage-unavailable': {
    status: 503,
    retry: true,
    means: 'The storage is away: not to be reached, read-only, full or silent.',
  },
  // Of sockets and event streams.
  'invalid-cursor': { status: 422, means: '`after` is not the id of an event.' },
  'invalid-subscription': {
    status: 422,
    means: 'The subscription is no project id, no uuid of a photo and not `all`.',
  },
  'too-many-subscriptions': { status: 422, means: 'The socket has as many subscriptions as it may have.' },
  'unknown-message': { status: 422, means: 'The message neither subscribes nor unsubscribes.' },
  'upgrade-required': { status: 426, means: 'The address is a WebSocket.' },
  // Of sources, when they are submitted or fetched.
  'blocked-address': {
    status: 422,
    means: 'The address of the source, or of a redirect, may not be reached.',
  },
  'invalid-source': { status: 422, means: 'The source is neither an http(s) URL nor a stored original.' },
  'source-missing': { status: 422, means: 'The stored original is gone.' },
  'source-changed': { status: 422, means: 'The stored original is not the one that was confirmed.' },
  'source-unavailable': {
    status: 502,
    retry: true,
    means: 'The source answered 408, 425, 429 or 5xx; `Retry-After` is honoured.',
  },
  'source-rejected': { status: 502, means: 'The source answered with another status than 2xx.' },
  'too-many-redirects': { status: 502, means: 'The source redirects more than 5 times.' },
  'network-error': { status: 502, retry: true, means: 'The source could not be reached.' },
  'download-timeout': {
    status: 502,
    retry: true,
    means: 'The download outlasted `DOWNLOAD_TIMEOUT_MS`, or brought under 1 kB/s.',
  },
  'invalid-answer': {
    status: 502,
    means: 'The answer is broken HTTP, an unasked part (206) or oddly encoded.',
  },
  'empty-source': { status: 422, means: 'The source has no bytes.' },
  'too-many-bytes': { status: 413, means: 'The source has more than `MAX_SOURCE_BYTES`.' },
  // Of images.
  'unsupported-format': { status: 422, means: 'The source has none of the formats that are read.' },
  'corrupt-image': { status: 422, means: 'The source is damaged.' },
  'too-many-pixels': {
    status: 422,
    means: 'The source exceeds `MAX_SOURCE_PIXELS`, 30,000 px a side, or the memory.',
  },
  'too-costly': { status: 422, means: 'The operations touch more than `MAX_JOB_COST` megapixels.' },
  'output-too-large': { status: 422, means: 'A side of the result is over 10,000 px.' },
  'crop-outside': { status: 422, means: 'The crop reaches beyond the image.' },
  'invalid-recipe': { status: 422, means: 'The stored recipe cannot be read.' },
  'render-timeout': { status: 422, means: 'The render took longer than `RENDER_TIMEOUT_MS`.' },
  'render-failed': {
    status: 500,
    means: 'The image could not be made; the log says more.',
  },
  'render-crashed': { status: 500, retry: true, means: 'The process that rendered the image died.' },
  'imaging-broken': {
    status: 503,
    retry: true,
    means: 'The installation cannot render; the photo waits for its repair.',
  },
  'imaging-closed': { status: 503, retry: true, means: 'The service shuts down and renders nothing more.' },
  // Of the service.
  'lease-lost': { status: 409, means: 'Another worker holds the photo; this one leaves it.' },
  'handed-back': {
    status: 503,
    retry: true,
    means: 'No attempt: the source is slow, or the worker stops; the photo waits and is tried again.',
  },
  'worker-lost': { status: 500, retry: true, means: 'The worker died while it processed the photo.' },
  'internal-fault': {
    status: 500,
    retry: true,
    means: 'The service or its storage failed; its log says more.',
  },
  // Of notifications.
  'webhook-gone': { status: 502, means: 'The webhook answered 410 and gets nothing more.' },
  'webhook-refused': {
    status: 502,
    retry: true,
    means: 'The webhook answered with another status than 2xx.',
  },
  'webhook-timeout': { status: 502, retry: true, means: 'The webhook did not answer in time.' },
  'webhook-unreachable': { status: 502, retry: true, means: 'The webhook cannot be reached.' },
  'mail-not-sent': { status: 502, retry: true, means: 'The mail server did not take the mail.' },
} as const satisfies Record<string, ErrorKind>

export type ErrorCode = keyof typeof ERROR_CODES

/** What a broken rule throws: a stable code for machines, with its status and whether it is retried; a sentence for people. */
export class AppError extends Error {
  readonly code: ErrorCode
  readonly status: number
  /** Whether the same attempt may succeed later; the pipeline then backs off and tries again. */
  readonly retry: boolean
  /** After how many attempts in all there is no other, where that is less than usual. */
  readonly mostAttempts: number | undefined
  /** The least delay before the next attempt, in ms, where the other side named one (`Retry-After`). */
  readonly retryAfterMs: number | undefined
  /** Which parts of a request are wrong, as RFC 6901 JSON pointers. */
  readonly errors: FieldError[] | undefined
  /** What a metric says of it besides. */
  readonly reason: string | undefined
  /** What the problem says besides (RFC 9457, 3.2). */
  readonly extensions: Readonly<Record<string, string>> | undefined

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    const { status, retry = false }: ErrorKind = ERROR_CODES[code]
    super(message, { cause: options.cause })
    this.name = 'AppError'
    this.code = code
    this.status = status
    this.retry = retry
    this.mostAttempts = options.mostAttempts
    this.retryAfterMs = options.retryAfterMs
    this.errors = options.errors
    this.reason = options.reason
    this.extensions = options.extensions
  }
}

export type FieldError = { pointer: string; detail: string }

/** What is wrong with the parts of a request, in one line. */
export const describeErrors = (errors: readonly FieldError[]): string =>
  errors.map(({ pointer, detail }) => `${pointer || 'the body'} ${detail}`).join('; ')

type AppErrorOptions = {
  mostAttempts?: number | undefined
  retryAfterMs?: number | undefined
  errors?: FieldError[]
  reason?: string
  extensions?: Record<string, string>
  cause?: unknown
}

/** The answer to an id that names nothing, or is no id at all. */
export const notFound = (what: string) => new AppError('not-found', `${what} not found`)
