import { Type } from '@sinclair/typebox'
import { endpoint } from '../../lib/function.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'

/** That the process answers. */
export const health = endpoint({
  method: 'GET',
  path: '/health',
  summary: 'That the process answers',
  tag: 'health',
  replies: { 200: Type.Object({ status: Type.Literal('ok') }) },
  handle: async () => ({ status: 'ok' as const }),
})

export const handler = lambda(health)
