import { once } from 'node:events'
import { expect, test } from 'vitest'
import WebSocket from 'ws'
import { lives } from '../../functions/index.ts'
import { openApp } from '../../lib/app.ts'
import { readConfig } from '../../lib/config/index.ts'
import { withServer } from '../functions/support.ts'
import { SETUPS, withApp, withEnvironment } from '../support/app.ts'
import { CALLS } from './calls.ts'
import { type Credential, makeCredentials, WITH_KEYS } from './credentials.ts'
import { makeWorld } from './world.ts'

/** The status of a refused upgrade, else what a subscription to project 1, or another message, is answered. */
async function enter(
  url: string,
  headers: Record<string, string>,
  message: object = { subscribe: 1 },
): Promise<number | string> {
  const socket = new WebSocket(url, { headers })
  socket.on('error', () => {})
  const refused = once(socket, 'unexpected-response').then(([, answer]) => answer.statusCode as number)
  const opened = once(socket, 'open').then(() => undefined)
  refused.catch(() => {})
  opened.catch(() => {})
  const status = await Promise.race([refused, opened])
  if (status !== undefined) return status
  const answered = once(socket, 'message')
  socket.send(JSON.stringify(message))
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

test('sockets and streams are not available until the database is migrated', () =>
  withEnvironment(SETUPS[0], async (env) => {
    const app = await openApp(readConfig({ ...env, ...WITH_KEYS }))
    const token = `pp_0123456789ab_${'x'.repeat(43)}`
    const headers = { authorization: `Bearer ${token}` }
    try {
      await withServer(app, async (url) => {
        expect((await fetch(`${url}/projects/1/events`, { headers })).status).toBe(503)
        expect((await fetch(`${url}/photos`, { headers })).status).toBe(503)
        expect(await enter(`${url.replace('http', 'ws')}/ws`, headers)).toBe(503)
        expect(await enter(`${url.replace('http', 'ws')}/ws`, {}, { token })).toBe('database-unavailable')
      })
    } finally {
      await app.close()
    }
  }))
