import { Readable } from 'node:stream'
import { endpoint } from '../../lib/function.ts'
import { MetricsText } from '../../lib/http/schemas/answers.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'
import { readBacklog } from '../../lib/photos/backlog.ts'

/** The metrics of the process, and what waits in the database, as Prometheus text. */
export const metrics = endpoint({
  method: 'GET',
  path: '/metrics',
  access: 'admin',
  summary: 'Serve the metrics of the process as Prometheus text',
  tag: 'health',
  anyQuery: true,
  replies: { 200: MetricsText },
  async handle({ method }, { metrics, db, cache }, reply) {
    const headers = { 'content-type': metrics.contentType }
    if (method === 'HEAD') return reply(200, Readable.from([]), headers)
    metrics.cacheUp.set(cache.isUp() ? 1 : 0)
    return reply(200, await metrics.text(() => readBacklog(db)), headers)
  },
})

export const handler = lambda(metrics)
