import { type TSchema, Type } from '@sinclair/typebox'
import { ERROR_CODES, type ErrorCode } from '../../errors.ts'
import { Code } from './values.ts'

/** RFC 9457. */
export const Problem = Type.Object(
  {
    type: Type.String({ description: '`about:blank`: `code` says which problem it is' }),
    title: Type.String({ description: 'The words of HTTP for the status' }),
    status: Type.Integer(),
    detail: Type.String({ description: 'What is wrong, for people' }),
    code: Code,
    job_id: Type.Optional(
      Type.String({ format: 'uuid', description: 'The job that is in the way, of `already-active`' }),
    ),
    quota: Type.Optional(Type.String({ description: 'The quota that is used up, of `quota-exceeded`' })),
    errors: Type.Optional(
      Type.Array(
        Type.Object({
          pointer: Type.String({
            description: 'A JSON pointer (RFC 6901) into the body, or `/query/…`, `/params/…`, `/headers/…`',
          }),
          detail: Type.String(),
        }),
        { description: 'Each part of the request that is wrong' },
      ),
    ),
  },
  { title: 'Problem', description: 'Why a request is refused (RFC 9457)' },
)

type Refusal = typeof Problem & { readonly codes: readonly ErrorCode[] }

/** Statuses that stand for codes which any endpoint may have: see `description/codes.ts`. */
type Listed = 401 | 404 | 422 | 429 | 503

type StatusOf<C> = C extends ErrorCode ? (typeof ERROR_CODES)[C]['status'] : C

/**
 * The answers by which an endpoint refuses: a code adds its status. What follows from the rest of its definition, such as
 * `unauthorized` or a body that is too large, is not named.
 */
export function problems<const C extends readonly (Listed | ErrorCode)[]>(...causes: C) {
  const refusals: Record<number, Refusal> = {}
  for (const cause of causes) {
    const status = typeof cause === 'number' ? cause : ERROR_CODES[cause].status
    const codes = refusals[status]?.codes ?? []
    refusals[status] = { ...Problem, codes: typeof cause === 'number' ? codes : [...codes, cause] }
  }
  return refusals as Record<Extract<StatusOf<C[number]>, number>, Refusal>
}

export const isProblem = (schema: TSchema | undefined): schema is Refusal => schema?.title === Problem.title

export const NoBody = Type.Null()

/** What says of a process that it runs. */
export const Ok = Type.Object(
  { status: Type.Literal('ok') },
  { title: 'Ok', description: 'The process runs' },
)

/** Not JSON but of another media type: a Buffer or a stream. */
const bytes = (contentMediaType: string, description: string) =>
  Type.Unsafe<unknown>({ type: 'string', format: 'binary', contentMediaType, description })

export const Bytes = bytes('*/*', 'The file')

export const ImageBytes = bytes('image/*', 'The image')

export const Page = bytes('text/html', 'The page')

export const EventStream = bytes('text/event-stream', 'Server-Sent Events, whose `data` is an `Event` each')

export const MetricsText = bytes('text/plain', 'The metrics in the text format of Prometheus')
