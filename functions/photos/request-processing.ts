import { Type } from '@sinclair/typebox'
import { endpoint } from '../../lib/function.ts'
import { Code, problems, Strict, Uuid } from '../../lib/http/schemas.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'
import { requestProcessing as request } from '../../lib/photos/request.ts'

const Uuids = Type.Array(Uuid, { minItems: 1, maxItems: 10_000 })

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
  body: Type.Union([Uuids, Strict({ uuids: Uuids, force: Type.Optional(Type.Boolean()) })]),
  replies: {
    202: Type.Object(
      { accepted: Type.Array(Uuid), rejected: Type.Array(Rejection) },
      { title: 'ProcessingRequested', description: 'Which photos are queued now, and which are not' },
    ),
    ...problems(400, 401, 403, 413, 415, 422, 503),
  },
  async handle({ body, caller }, app, reply) {
    const { uuids, force = false } = Array.isArray(body) ? { uuids: body } : body
    return reply(202, await request(app, uuids, force, caller.projects))
  },
})

export const handler = lambda(requestProcessing)
