import { endpoint } from '../../lib/function.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'
import { health } from '../health/health.ts'

/** That the process answers, where clients of the v1 door look for it. */
export const livenessV1 = endpoint({ ...health, path: '/v1/healthz' })

export const handler = lambda(livenessV1)
