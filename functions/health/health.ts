import { Type } from '@sinclair/typebox'
import { endpoint } from '../../lib/function.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'

/** Answers while the process runs. */
export const health = endpoint({
  method: 'GET',
  path: '/health',
  access: 'public',
  summary: 'Answer while the process runs',
  tag: 'health',
  anyQuery: true,
  replies: { 200: Type.Object({ status: Type.Literal('ok') }) },
  handle: async () => ({ status: 'ok' as const }),
})

export const handler = lambda(health)
