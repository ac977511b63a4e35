import { endpoint } from '../../lib/function.ts'
import { problems } from '../../lib/http/schemas/answers.ts'
import { StatusCounts } from '../../lib/http/schemas/photos.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'
import { countByStatus } from '../../lib/photos/counts.ts'
import { within } from '../../lib/photos/list.ts'

/** Counts the jobs of the v1 door by status. */
export const showMetrics = endpoint({
  method: 'GET',
  path: '/v1/metrics',
  access: 'read',
  summary: 'Count jobs by status',
  tag: 'v1',
  replies: {
    200: StatusCounts,
    ...problems(503),
  },
  handle: ({ caller }, { db }) => countByStatus(db, { door: 'v1', ...within(caller.projects) }),
})

export const handler = lambda(showMetrics)
