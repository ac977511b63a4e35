import { endpoint } from '../../lib/function.ts'
import { Ok } from '../../lib/http/schemas/answers.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'

/** Answers while the process runs. */
export const health = endpoint({
  method: 'GET',
  path: '/health',
  access: 'public',
  summary: 'Answer while the process runs',
  tag: 'health',
  anyQuery: true,
  replies: { 200: Ok },
  handle: async () => ({ status: 'ok' as const }),
})

export const handler = lambda(health)
