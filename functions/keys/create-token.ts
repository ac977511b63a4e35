import { Type } from '@sinclair/typebox'
import { mayDo, projectFor } from '../../lib/access/caller.ts'
import { AppError } from '../../lib/errors.ts'
import { endpoint } from '../../lib/function.ts'
import { problems } from '../../lib/http/schemas/answers.ts'
import { ProjectId, Strict, Time } from '../../lib/http/schemas/values.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'

/** What a browser may be given to do. */
const TokenScope = Type.Union([Type.Literal('read'), Type.Literal('write')])

/** Makes a token of one project for a browser, which ends within an hour. */
export const createToken = endpoint({
  method: 'POST',
  path: '/tokens',
  access: 'write',
  summary: 'Make a token of one project for a browser, which ends within an hour or with the key',
  tag: 'keys',
  body: Strict({
    project_id: Type.Optional(ProjectId),
    scopes: Type.Optional(Type.Array(TokenScope, { minItems: 1, uniqueItems: true })),
    expires_in: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 3600, description: 'seconds; 3600 unless told' }),
    ),
    max_bytes: Type.Optional(Type.Integer({ minimum: 1, description: 'of one upload' })),
  }),
  replies: {
    201: Type.Object(
      { token: Type.String(), expires_at: Time },
      { title: 'Token', description: 'The token, and when it ends' },
    ),
    ...problems(404, 503),
  },
  async handle({ body, caller }, { access }, reply) {
    const { project_id, scopes = ['read', 'write'], expires_in = 3600, max_bytes } = body
    const project = projectFor(caller, project_id)
    if (project === null)
      throw new AppError('invalid', 'A token is for one project', {
        errors: [{ pointer: '/project_id', detail: 'must name a project' }],
      })
    const lacking = scopes.find((scope) => !mayDo(caller, scope))
    if (lacking) throw new AppError('forbidden', `The credential lacks the scope "${lacking}"`)
    const maxBytes = Math.min(
      max_bytes ?? Number.POSITIVE_INFINITY,
      caller.maxBytes ?? Number.POSITIVE_INFINITY,
    )
    const grant = { scopes, projects: [project], ...(Number.isFinite(maxBytes) && { maxBytes }) }
    const most = (caller.until ?? Number.POSITIVE_INFINITY) - Date.now()
    const { token, until } = await access.tokens.issue(
      'token',
      caller,
      grant,
      Math.min(expires_in * 1000, most),
    )
    return reply(201, { token, expires_at: new Date(until).toISOString() }, { 'cache-control': 'no-store' })
  },
})

export const handler = lambda(createToken)
