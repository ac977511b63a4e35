import { endpoint } from '../../lib/function.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'
import { liveness } from '../health/liveness.ts'

/** The same as `liveness`, at the path that clients of the v1 door use. */
export const livenessV1 = endpoint({ ...liveness, path: '/v1/healthz' })

export const handler = lambda(livenessV1)
