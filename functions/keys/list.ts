import { Type } from '@sinclair/typebox'
import { mayGrant } from '../../lib/access/caller.ts'
import { listKeys } from '../../lib/access/keys.ts'
import { endpoint } from '../../lib/function.ts'
import { problems, ShownKey } from '../../lib/http/schemas.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'

/** Lists the keys of the caller's projects, newest first; their secrets are not kept. */
export const list = endpoint({
  method: 'GET',
  path: '/keys',
  access: 'admin',
  summary: 'List the keys of your projects, newest first; their secrets are not kept',
  tag: 'keys',
  replies: {
    200: Type.Object(
      { items: Type.Array(ShownKey) },
      { title: 'KeyList', description: 'The keys, newest first' },
    ),
    ...problems(401, 403, 503),
  },
  async handle({ caller }, { db }) {
    const keys = await listKeys(db)
    return { items: keys.filter(({ projects }) => mayGrant(caller, projects)) }
  },
})

export const handler = lambda(list)
