import { endpoint } from '../../lib/function.ts'
import { problems } from '../../lib/http/schemas/answers.ts'
import { BulkCount, BulkRequest } from '../../lib/http/schemas/requests.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'
import { requestBulk } from '../../lib/photos/bulk.ts'
import { REMOVE } from '../../lib/photos/remove.ts'

/** Removes all photos that match a filter. */
export const removeMany = endpoint({
  method: 'DELETE',
  path: '/photos',
  access: 'write',
  summary: 'Remove all photos that match a filter, with their rows and files',
  tag: 'photos',
  body: BulkRequest,
  replies: {
    200: BulkCount,
    202: BulkCount,
    ...problems(503, 'too-many', 'at-most-required'),
  },
  async handle({ body, caller }, app, reply) {
    const count = await requestBulk(app, REMOVE, body, caller.projects)
    return reply(body.dry_run ? 200 : 202, { count })
  },
})

export const handler = lambda(removeMany)
