import { endpoint } from '../../lib/function.ts'
import { problems } from '../../lib/http/schemas/answers.ts'
import { BulkCount, BulkRequest } from '../../lib/http/schemas/requests.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'
import { requestBulk } from '../../lib/photos/bulk.ts'
import { REPROCESS } from '../../lib/photos/reprocess.ts'

/** Requests the processing of all photos that match a filter. */
export const reprocess = endpoint({
  method: 'POST',
  path: '/photos/reprocess',
  access: 'write',
  summary: 'Request the processing of all photos that match a filter, completed ones too',
  tag: 'photos',
  body: BulkRequest,
  replies: {
    200: BulkCount,
    202: BulkCount,
    ...problems(503, 'too-many', 'at-most-required'),
  },
  async handle({ body, caller }, app, reply) {
    const count = await requestBulk(app, REPROCESS, body, caller.projects)
    return reply(body.dry_run ? 200 : 202, { count })
  },
})

export const handler = lambda(reprocess)
