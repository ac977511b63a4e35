import { ERROR_CODES, type ErrorCode } from '../../errors.ts'
import type { AnyEndpoint } from '../../function.ts'
import { isProblem } from '../schemas/answers.ts'

/** What of an endpoint says how it may refuse. */
export type Refusing = Pick<
  AnyEndpoint,
  'method' | 'access' | 'replies' | 'link' | 'query' | 'anyQuery' | 'content' | 'body' | 'form'
>

type Rule = (endpoint: Refusing) => boolean

const needsKey: Rule = ({ access }) => access !== 'public'
const isUnsafe: Rule = ({ method }) => method !== 'GET'
const hasLink: Rule = ({ link }) => link === true
const hasBody: Rule = ({ body }) => body !== undefined
/** Forms, and bytes as they are. */
const hasForm: Rule = ({ form, content }) => form !== undefined || content === true
const isRepeatable: Rule = (endpoint) => hasBody(endpoint) && needsKey(endpoint)
/** Whether the definition lists the status, as a problem. */
const lists =
  (status: number): Rule =>
  ({ replies }) =>
    isProblem(replies[status])

/** The codes that a definition implies: which it may refuse with, by what it takes and who may call it. */
const IMPLIED: Partial<Record<ErrorCode, Rule>> = {
  'malformed-json': hasBody,
  'malformed-request': (endpoint) => hasBody(endpoint) || hasForm(endpoint),
  unauthorized: (endpoint) => needsKey(endpoint) || lists(401)(endpoint),
  forbidden: needsKey,
  'foreign-origin': isUnsafe,
  'link-invalid': hasLink,
  'link-expired': hasLink,
  'not-found': lists(404),
  'body-too-slow': hasBody,
  'upload-too-slow': hasForm,
  'idempotency-key-in-use': isRepeatable,
  'body-too-large': hasBody,
  'form-too-large': hasForm,
  'too-many-files': hasForm,
  'unsupported-media-type': (endpoint) => hasBody(endpoint) || hasForm(endpoint),
  'idempotency-key-reused': isRepeatable,
  invalid: (endpoint) =>
    !endpoint.anyQuery || hasBody(endpoint) || endpoint.query !== undefined || lists(422)(endpoint),
  'rate-limited': (endpoint) => needsKey(endpoint) || lists(429)(endpoint),
  // Keys are looked up there.
  'database-unavailable': (endpoint) => needsKey(endpoint) || lists(503)(endpoint),
  'storage-unavailable': lists(503),
}

/** The codes that any request may be refused with: before an endpoint is found, for a body that none wants, or because of a fault. */
export const ANYWHERE: readonly ErrorCode[] = [
  'malformed-json',
  'malformed-request',
  'behind-a-proxy',
  'unknown-host',
  'method-not-allowed',
  'body-too-slow',
  'body-too-large',
  'unsupported-media-type',
  'too-many-connections',
  'internal-fault',
]

/** The codes that an endpoint may refuse with, by status: those that it names, and those that its definition implies. */
export function refusalsOf(endpoint: Refusing): Map<number, ErrorCode[]> {
  const named = Object.values(endpoint.replies).flatMap((schema) => (isProblem(schema) ? schema.codes : []))
  const codes = (Object.keys(ERROR_CODES) as ErrorCode[]).filter(
    (code) => named.includes(code) || IMPLIED[code]?.(endpoint),
  )
  return Map.groupBy(codes, (code) => ERROR_CODES[code].status)
}
