import { endpoint } from '../../lib/function.ts'
import { problems, StatusCounts } from '../../lib/http/schemas.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'
import { countByStatus } from '../../lib/photos/list.ts'

/** Counts the jobs of the v1 door by status. */
export const showMetrics = endpoint({
  method: 'GET',
  path: '/v1/metrics',
  summary: 'Count jobs by status',
  tag: 'v1',
  replies: {
    200: StatusCounts,
    ...problems(503),
  },
  handle: (_request, { db }) => countByStatus(db, { door: 'v1' }),
})

export const handler = lambda(showMetrics)
