import { endpoint } from '../../lib/function.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'
import { health } from './health.ts'

/** That the process answers, where orchestrators look for it. */
export const liveness = endpoint({ ...health, path: '/healthz' })

export const handler = lambda(liveness)
