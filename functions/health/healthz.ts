import { endpoint } from '../../lib/function.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'
import { liveness } from './liveness.ts'

/** The same as `liveness`, at an older path. */
export const healthz = endpoint({ ...liveness, path: '/healthz' })

export const handler = lambda(healthz)
