/** A field of a request that the service did not take; `pointer` is a JSON Pointer. */
export type FieldError = { pointer: string; detail: string }

type Details = Partial<Pick<PhotoProcessorError, 'status' | 'code' | 'errors' | 'requestId' | 'cause'>>

/** A call that was refused or had no answer, or a webhook that is not to be trusted. */
export class PhotoProcessorError extends Error {
  override name = 'PhotoProcessorError'
  /** Of the answer; 0 where none came. */
  declare status: number
  /** One of the service's error codes, else `unreachable`, `unexpected-answer` or `invalid-signature`. */
  declare code: string
  declare errors: FieldError[]
  /** The trace of the request in the service's log. */
  declare requestId: string | undefined

  constructor(message: string, { cause, ...details }: Details) {
    super(message, { cause })
    const { status = 0, code = 'unexpected-answer', errors = [], requestId } = details
    Object.assign(this, { status, code, errors, requestId })
  }
}

/** Why an answer is a refusal: a problem (RFC 9457), or what an object store or a proxy says. */
export function errorOf(response: Response, body: unknown): PhotoProcessorError {
  const { detail, code, errors } = (body ?? {}) as Details & { detail?: string }
  const requestId = response.headers.get('x-request-id') ?? undefined
  const { status } = response
  return new PhotoProcessorError(detail ?? `The answer is ${status}`, { status, code, errors, requestId })
}

/** What a call of `openapi-fetch` resolves to, as data; rejects where it was refused. */
export async function unwrap<T>(
  call: Promise<{ data?: T; error?: unknown; response: Response }>,
): Promise<T> {
  const { data, error, response } = await call
  if (!response.ok) throw errorOf(response, error)
  return data as T
}
