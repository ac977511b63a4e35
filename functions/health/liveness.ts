import { Type } from '@sinclair/typebox'
import { endpoint } from '../../lib/function.ts'
import { Ok } from '../../lib/http/schemas/answers.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'

/**
 * Whether this process turns: every loop has moved within its deadline, the broker with all consumers was looked after, and
 * messages in hand come to an end. What is away outside changes nothing, since waiting for it is moving.
 */
export const liveness = endpoint({
  method: 'GET',
  path: '/livez',
  access: 'public',
  summary: 'Say whether the process works; it hangs where not, and should be started again',
  tag: 'health',
  anyQuery: true,
  replies: {
    200: Ok,
    503: Type.Object(
      {
        status: Type.Literal('hanging'),
        late: Type.Array(Type.String({ description: 'A loop or consumer' })),
      },
      { title: 'Hanging', description: 'The process hangs, and should be started again' },
    ),
  },
  async handle(_request, { supervision }, reply) {
    const late = supervision.late()
    return late.length === 0 ? { status: 'ok' as const } : reply(503, { status: 'hanging', late })
  },
})

export const handler = lambda(liveness)
