import { STATUS_CODES } from 'node:http'
import { awayCode, awayError } from '../away.ts'
import { AppError, ERROR_CODES, type ErrorCode } from '../errors.ts'

export type ProblemBody = {
  type: string
  title: string
  status: number
  detail: string
  code: ErrorCode
  errors?: { pointer: string; detail: string }[]
}

/** Seconds after which a client may try again when database or storage are away. */
const RETRY_AFTER_S = 2

/** Seconds after which what is refused now may succeed; undefined where it will not. */
export function retryAfterOf(error: unknown, { status }: ProblemBody): number | undefined {
  if (status === 503) return RETRY_AFTER_S
  const ms = status === 429 && error instanceof AppError ? error.retryAfterMs : undefined
  return ms === undefined ? undefined : Math.ceil(ms / 1000)
}

/** What bytes are ended with whose request is cut off. */
export const MALFORMED = { code: 'MALFORMED_FORM' }
/** What a body must be; curl sends a form unless told otherwise. */
export const SEND_JSON = "Send the body as application/json, with curl: -H 'content-type: application/json'"

export const SEND_FORM = 'Send the body as multipart/form-data, with curl: -F name=@file'

/** What Fastify itself refuses, by its error code. */
const FASTIFY_CODES: Record<string, [code: ErrorCode, detail: string]> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['unsupported-media-type', SEND_JSON],
  FST_ERR_CTP_BODY_TOO_LARGE: ['body-too-large', 'The body is too large'],
  FST_ERR_CTP_EMPTY_JSON_BODY: ['malformed-json', 'The body is empty'],
  FST_ERR_CTP_INVALID_JSON_BODY: ['malformed-json', 'The body is not JSON'],
  FST_FILES_LIMIT: ['too-many-files', 'The form has too many files; the rest was not read'],
  FST_FIELDS_LIMIT: ['too-many-files', 'The form has too many fields; the rest was not read'],
  FST_PARTS_LIMIT: ['too-many-files', 'The form has too many parts; the rest was not read'],
  [MALFORMED.code]: ['malformed-request', 'The upload is cut off'],
  FST_ERR_BAD_URL: ['malformed-request', 'The URL is malformed'],
  FST_ERR_MAX_PARAM_LENGTH: ['not-found', 'Nothing has this path'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: [
    'malformed-request',
    'The body is not as long as its Content-Length says',
  ],
}

/** Any error as a problem (RFC 9457); an unexpected one becomes a fault without its text. */
export function problemOf(error: unknown): ProblemBody {
  if (error instanceof AppError)
    return { ...problem(error.code, error.message, error.errors), ...error.extensions }
  const away = awayCode(error)
  if (away) return problemOf(awayError(away, error))
  const { code = '', statusCode = 500 } = error as { code?: string; statusCode?: number }
  const known = FASTIFY_CODES[code]
  if (known) return problem(...known)
  if (statusCode >= 400 && statusCode < 500)
    return problem('malformed-request', titleOf(statusCode), undefined, statusCode)
  return problem('internal-fault', 'The service failed; its log says more')
}

function problem(
  code: ErrorCode,
  detail: string,
  errors?: ProblemBody['errors'],
  status: number = ERROR_CODES[code].status,
): ProblemBody {
  return { type: 'about:blank', title: titleOf(status), status, detail, code, ...(errors && { errors }) }
}

const titleOf = (status: number) => STATUS_CODES[status] ?? 'Error'
