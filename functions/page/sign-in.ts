import { Type } from '@sinclair/typebox'
import { SESSION_MS, sessionCookie } from '../../lib/access/session.ts'
import { AppError } from '../../lib/errors.ts'
import { endpoint } from '../../lib/function.ts'
import { NoBody, problems } from '../../lib/http/schemas/answers.ts'
import { Strict } from '../../lib/http/schemas/values.ts'

/** Signs in on the page with a key: the cookie that the browser gets is good as long as the key, and 12 hours at most. For local use only. */
export const signIn = endpoint({
  method: 'POST',
  path: '/session',
  access: 'public',
  summary: 'Sign in on the page with a key',
  tag: 'page',
  body: Strict({ key: Type.String({ maxLength: 200, description: 'The text of a key: `pp_…`' }) }),
  replies: { 204: NoBody, ...problems(401, 429, 503) },
  async handle({ body, limitRate }, { access, config }, reply) {
    const caller = await limitRate(() => access.keys.identify(body.key), access.keys.isKnown(body.key))
    if (!caller) throw new AppError('unauthorized', 'The key is not valid')
    const most = (caller.until ?? Number.POSITIVE_INFINITY) - Date.now()
    const { token, until } = await access.tokens.issue('session', caller, caller, Math.min(SESSION_MS, most))
    return reply(204, null, {
      'set-cookie': sessionCookie(config, token, until),
      'cache-control': 'no-store',
    })
  },
})
