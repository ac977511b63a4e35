import { Type } from '@sinclair/typebox'
import { mayGrant } from '../../lib/access/caller.ts'
import { createKey } from '../../lib/access/keys.ts'
import { notFound } from '../../lib/errors.ts'
import { endpoint } from '../../lib/function.ts'
import { ScopeName, ShownKey } from '../../lib/http/schemas/access.ts'
import { problems } from '../../lib/http/schemas/answers.ts'
import { ProjectId, Strict, Time } from '../../lib/http/schemas/values.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'

/** Makes a key for projects of the caller. */
export const create = endpoint({
  method: 'POST',
  path: '/keys',
  access: 'admin',
  summary: 'Make a key; the answer alone shows it',
  tag: 'keys',
  body: Strict({
    name: Type.String({ minLength: 1, maxLength: 255, pattern: '^\\P{Cc}+$' }),
    scopes: Type.Array(ScopeName, { minItems: 1, uniqueItems: true }),
    projects: Type.Union([
      Type.Literal('*'),
      Type.Array(ProjectId, { minItems: 1, maxItems: 1000, uniqueItems: true }),
    ]),
    expires_at: Type.Optional(Time),
    rate_limit: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1_000_000,
        description: 'Requests a minute; `RATE_LIMIT` unless told',
      }),
    ),
  }),
  replies: {
    201: Type.Composite(
      [ShownKey, Type.Object({ key: Type.String({ description: 'Its text, shown this once' }) })],
      { title: 'NewKey', description: 'The key with its text' },
    ),
    ...problems(404, 503),
  },
  async handle({ body, caller }, { db }, reply) {
    const { name, scopes, projects, expires_at: expiresAt, rate_limit: rateLimit } = body
    if (!mayGrant(caller, projects)) throw notFound('Project')
    const { text, key } = await createKey(db, { name, scopes, projects, expiresAt, rateLimit })
    return reply(201, { ...key, key: text }, { 'cache-control': 'no-store' })
  },
})

export const handler = lambda(create)
