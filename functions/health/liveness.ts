import { endpoint } from '../../lib/function.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'
import { health } from './health.ts'

/** The same as `health`, at the path that orchestrators use. */
export const liveness = endpoint({ ...health, path: '/healthz' })

export const handler = lambda(liveness)
