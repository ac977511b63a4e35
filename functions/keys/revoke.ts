import { Type } from '@sinclair/typebox'
import { mayGrant } from '../../lib/access/caller.ts'
import { listKeys, revokeKey } from '../../lib/access/keys.ts'
import { notFound } from '../../lib/errors.ts'
import { endpoint } from '../../lib/function.ts'
import { NoBody, problems } from '../../lib/http/schemas/answers.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'

/** Revokes a key of the caller's projects, with its tokens and sessions. */
export const revoke = endpoint({
  method: 'DELETE',
  path: '/keys/:id',
  access: 'admin',
  summary: 'Revoke a key, with its tokens and sessions: at once here, within 5 s elsewhere',
  tag: 'keys',
  params: Type.Object({ id: Type.String({ description: 'Id of the key: the part after `pp_`' }) }),
  replies: { 204: NoBody, ...problems(404, 503) },
  async handle({ params, caller }, { db, access }, reply) {
    const key = (await listKeys(db)).find(({ id }) => id === params.id)
    if (!key || !mayGrant(caller, key.projects)) throw notFound('Key')
    await revokeKey(db, key.id)
    access.keys.forget(key.id)
    return reply(204, null)
  },
})

export const handler = lambda(revoke)
