import { sessionCookie } from '../../lib/access/session.ts'
import { endpoint } from '../../lib/function.ts'
import { NoBody } from '../../lib/http/schemas/answers.ts'

/** Signs out on the page: the browser forgets its session. For local use only. */
export const signOut = endpoint({
  method: 'DELETE',
  path: '/session',
  access: 'public',
  summary: 'Sign out on the page',
  tag: 'page',
  replies: { 204: NoBody },
  handle: async (_request, { config }, reply) =>
    reply(204, null, { 'set-cookie': sessionCookie(config, '', 0), 'cache-control': 'no-store' }),
})
