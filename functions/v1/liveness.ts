import { endpoint } from '../../lib/function.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'
import { health } from '../health/health.ts'

/** The same as `health`, at the path that clients of the v1 door use. */
export const livenessV1 = endpoint({ ...health, path: '/v1/healthz' })

export const handler = lambda(livenessV1)
