import { Type } from '@sinclair/typebox'
import { mayGrant } from '../../lib/access/caller.ts'
import { listKeys } from '../../lib/access/keys.ts'
import { toCursor } from '../../lib/cursor.ts'
import { endpoint } from '../../lib/function.ts'
import { linkNext, pageQuery } from '../../lib/http/paging.ts'
import { ShownKey } from '../../lib/http/schemas/access.ts'
import { problems } from '../../lib/http/schemas/answers.ts'
import { Next } from '../../lib/http/schemas/values.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'

/** Lists the keys of the caller's projects, newest first; their secrets are not kept. */
export const list = endpoint({
  method: 'GET',
  path: '/keys',
  access: 'admin',
  summary: 'List the keys of your projects, newest first; their secrets are not kept',
  tag: 'keys',
  query: Type.Object(pageQuery(1000, 100)),
  replies: {
    200: Type.Object(
      { items: Type.Array(ShownKey), next: Next },
      { title: 'KeyPage', description: 'A page of keys, newest first' },
    ),
    ...problems(503),
  },
  async handle({ query, caller }, { db, config }, reply) {
    const { limit, after } = query
    const keys = (await listKeys(db, after)).filter(({ projects }) => mayGrant(caller, projects))
    const items = keys.slice(0, limit)
    const last = items.at(-1)
    const next = keys.length > limit && last ? toCursor(last) : null
    return reply(200, { items, next }, linkNext(`${config.publicUrl}/keys`, query, next))
  },
})

export const handler = lambda(list)
