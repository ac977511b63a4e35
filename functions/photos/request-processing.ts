import { type Static, Type } from '@sinclair/typebox'
import { endpoint } from '../../lib/function.ts'
import { onlyOneOf } from '../../lib/http/only-one-of.ts'
import { problems } from '../../lib/http/schemas/answers.ts'
import { Code, Strict, Uuid } from '../../lib/http/schemas/values.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'
import { requestProcessing as request } from '../../lib/photos/request.ts'

const Uuids = Type.Array(Uuid, { minItems: 1, maxItems: 10_000 })

/** A list, as this service has it, or what clients of the exercise send. */
const Body = Type.Union([
  Uuids,
  Strict({
    uuids: Type.Optional(Uuids),
    payload: Type.Optional(Uuids),
    uuid: Type.Optional(Uuid),
    force: Type.Optional(Type.Boolean()),
  }),
  Uuid,
])

const Rejection = Type.Object(
  { uuid: Uuid, code: Code, detail: Type.String() },
  { title: 'Rejection', description: 'Why a photo is not processed' },
)

/** Requests the processing of photos. */
export const requestProcessing = endpoint({
  method: 'POST',
  path: '/photos/process',
  access: 'write',
  summary: 'Request the processing of photos by their uuids',
  tag: 'photos',
  body: Body,
  replies: {
    202: Type.Object(
      { accepted: Type.Array(Uuid), rejected: Type.Array(Rejection) },
      { title: 'ProcessingRequested', description: 'Which photos are queued now, and which are not' },
    ),
    ...problems(503),
  },
  async handle({ body, caller }, app, reply) {
    const { uuids, force = false } = requestOf(body)
    return reply(202, await request(app, uuids, force, caller.projects))
  },
})

export const handler = lambda(requestProcessing)

function requestOf(body: Static<typeof Body>): { uuids: string[]; force?: boolean | undefined } {
  if (typeof body === 'string') return { uuids: [body] }
  if (Array.isArray(body)) return { uuids: body }
  const given = body[onlyOneOf(body, ['uuids', 'payload', 'uuid'])] ?? []
  return { uuids: [given].flat(), force: body.force }
}
