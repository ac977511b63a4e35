import type { FastifyRequest } from 'fastify'
import type { App } from '../app.ts'
import { tenths } from '../log.ts'
import { parseUuid } from '../uuid.ts'

/**
 * One line and one count for each request: its route instead of its URL, which may carry what is secret. `ms` is how
 * long it took; a socket or stream of events is logged when it begins, without.
 */
export function logRequest(
  { metrics }: Pick<App, 'metrics'>,
  { method, params, routeOptions, log }: FastifyRequest,
  status: number,
  ms?: number,
): void {
  const route = routeOptions.url ?? 'none'
  metrics.requests.inc({ method, route, status })
  if (ms !== undefined) metrics.durations.observe({ method, route }, ms / 1000)
  const photo_uuid = Object.values(params ?? {}).find((param) => parseUuid(String(param)))
  log.info({ method, route, status, duration_ms: ms && tenths(ms), photo_uuid }, 'request')
}
