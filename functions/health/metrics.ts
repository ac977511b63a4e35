import { endpoint } from '../../lib/function.ts'
import { Bytes } from '../../lib/http/schemas.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'
import { readBacklog } from '../../lib/photos/backlog.ts'

/** The metrics of the process, and what waits in the database, as Prometheus text. */
export const metrics = endpoint({
  method: 'GET',
  path: '/metrics',
  summary: 'Serve the metrics of the process as Prometheus text',
  tag: 'health',
  replies: { 200: Bytes },
  handle: async (_request, { metrics, db }, reply) =>
    reply(200, await metrics.text(() => readBacklog(db)), { 'content-type': metrics.contentType }),
})

export const handler = lambda(metrics)
