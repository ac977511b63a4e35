import type { App } from '../../lib/app.ts'
import { withServer } from '../functions/support.ts'
import { type Environment, type Setup, withApp } from '../support/app.ts'
import { ADMIN_KEY, bearer, makeKey, WITH_KEYS } from './credentials.ts'

/** Sends requests with a key; returns status and body. */
export const clientOf =
  (url: string, key: string) =>
  async <T = { code?: string }>(path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const answer = await fetch(`${url}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        ...bearer(key),
        ...headers,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const isJson = answer.headers.get('content-type')?.includes('json')
    return { status: answer.status, body: (isJson ? await answer.json() : await answer.text()) as T }
  }

export type Client = ReturnType<typeof clientOf>

/** A service with a client of project 1, one of project 2, and one that sees all. */
export const withClients = (
  setup: Setup,
  use: (app: App, clients: { one: Client; two: Client; all: Client; url: string }) => Promise<void>,
  more: Environment = {},
) =>
  withApp(
    setup,
    (app) =>
      withServer(app, async (url) => {
        const [one, two] = [clientOf(url, await makeKey(app, [1])), clientOf(url, await makeKey(app, [2]))]
        await use(app, { one, two, all: clientOf(url, ADMIN_KEY), url })
      }),
    { ...WITH_KEYS, ...more },
  )
