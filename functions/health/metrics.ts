import { endpoint } from '../../lib/function.ts'
import { MetricsText, problems } from '../../lib/http/schemas.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'
import { readBacklog } from '../../lib/photos/backlog.ts'

/** The metrics of the process, and what waits in the database, as Prometheus text. */
export const metrics = endpoint({
  method: 'GET',
  path: '/metrics',
  access: 'admin',
  summary: 'Serve the metrics of the process as Prometheus text',
  tag: 'health',
  replies: { 200: MetricsText, ...problems(401, 403) },
  async handle(_request, { metrics, db, cache }, reply) {
    metrics.cacheUp.set(cache.isUp() ? 1 : 0)
    return reply(200, await metrics.text(() => readBacklog(db)), { 'content-type': metrics.contentType })
  },
})

export const handler = lambda(metrics)
