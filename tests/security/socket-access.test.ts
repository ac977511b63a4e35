import { once } from 'node:events'
import { expect, test } from 'vitest'
import WebSocket from 'ws'
import { lives } from '../../functions/index.ts'
import { withServer } from '../functions/support.ts'
import { SETUPS, withApp } from '../support/app.ts'
import { CALLS } from './calls.ts'
import { type Credential, makeCredentials, WITH_KEYS } from './credentials.ts'
import { makeWorld } from './world.ts'

/** The status of a refused upgrade, else what a subscription to project 1 is answered. */
async function enter(url: string, headers: Record<string, string>): Promise<number | string> {
  const socket = new WebSocket(url, { headers })
  socket.on('error', () => {})
  const refused = once(socket, 'unexpected-response').then(([, answer]) => answer.statusCode as number)
  const opened = once(socket, 'open').then(() => undefined)
  refused.catch(() => {})
  opened.catch(() => {})
  const status = await Promise.race([refused, opened])
  if (status !== undefined) return status
  const answered = once(socket, 'message')
  socket.send('{"subscribe":1}')
  const { error, subscribed } = JSON.parse(String((await answered)[0])) as {
    error?: { code: string }
    subscribed?: number
  }
  socket.terminate()
  return error?.code ?? `subscribed ${subscribed}`
}

/** Without a header or a valid session, a token may still come as the first message. */
function expected({ headers, scopes, projects = [] }: Credential): number | string {
  if (!scopes) return headers?.authorization ? 401 : 'unauthorized'
  if (!scopes.some((scope) => scope !== 'write')) return 403
  return projects === '*' || projects.includes(1) ? 'subscribed 1' : 'not-found'
}

test.for(lives)('a socket of $path is for $access', ({ path }) =>
  withApp(
    SETUPS[0],
    async (app) => {
      const call = await CALLS[`GET ${path}`]?.call(await makeWorld(app))
      const credentials = await makeCredentials(app)
      await withServer(app, async (url) => {
        for (const credential of credentials) {
          const found = await enter(`${url.replace('http', 'ws')}${call?.path}`, credential.headers ?? {})
          expect.soft(found, credential.name).toBe(expected(credential))
        }
      })
    },
    WITH_KEYS,
  ),
)
