import { once } from 'node:events'
import http from 'node:http'
import { expect, test } from 'vitest'
import { getRaw, withServer } from '../../functions/support.ts'
import { ADMIN_KEY, bearer, WITH_KEYS } from '../../security/credentials.ts'
import { type Environment, SETUPS, withApp } from '../../support/app.ts'

const EMBEDDED = SETUPS[0]
const OWN = 'https://app.example.com'
const CORS: Environment = { CORS_ORIGINS: `${OWN}, http://127.0.0.1:8080` }

const serving = (use: (url: string) => Promise<void>, env: Environment = {}) =>
  withApp(EMBEDDED, (app) => withServer(app, use), env)

const leaveOf = (headers: Headers) =>
  Object.fromEntries([...headers].filter(([name]) => name.startsWith('access-control')))

const preflight = (url: string, origin: string, method: string, headers = 'content-type') =>
  fetch(url, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': method,
      'access-control-request-headers': headers,
    },
  })

/** What a client in a browser sends that needs leave, and what it reads. */
const SENT = [
  ...['authorization', 'content-type', 'idempotency-key', 'last-event-id', 'traceparent'],
  ...['range', 'if-none-match'],
]
const READ = [
  ...['allow', 'location', 'link', 'etag', 'retry-after', 'www-authenticate', 'content-disposition'],
  ...['accept-ranges', 'content-range', 'last-event-id', 'idempotency-replayed', 'x-cache', 'x-request-id'],
  ...['ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset'],
]

const namesIn = (header: string | null) => header?.toLowerCase().split(/, ?/) ?? []

test('other origins get no leave unless CORS_ORIGINS names them', async () => {
  const refused = async (url: string, origin: string) => {
    const answer = await fetch(`${url}/photos`, { headers: { origin } })
    expect.soft([answer.status, leaveOf(answer.headers)], origin).toEqual([200, {}])
    const { status, headers } = await preflight(`${url}/photos`, origin, 'POST')
    expect
      .soft([status, headers.get('allow'), leaveOf(headers)])
      .toEqual([204, 'GET, HEAD, POST, DELETE, OPTIONS', {}])
    return headers.get('vary')
  }
  await serving((url) => refused(url, OWN).then(() => {}))
  await serving(async (url) => {
    for (const origin of [`${OWN}.evil.com`, 'http://app.example.com', 'null', ''])
      expect.soft(namesIn(await refused(url, origin)), origin).toContain('origin')
  }, CORS)
})

test('an origin that CORS_ORIGINS names may send what a client sends, and read what it needs', () =>
  serving(async (url) => {
    for (const origin of [OWN, 'http://127.0.0.1:8080'])
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
        const { status, headers } = await preflight(`${url}/photos/a`, origin, method, SENT.join(','))
        expect.soft([status, headers.get('access-control-allow-origin')]).toEqual([204, origin])
        expect.soft(namesIn(headers.get('access-control-allow-methods'))).toContain(method.toLowerCase())
        expect
          .soft(namesIn(headers.get('access-control-allow-headers')))
          .toEqual(expect.arrayContaining(SENT))
        expect.soft(Number(headers.get('access-control-max-age'))).toBeGreaterThanOrEqual(600)
        expect.soft(namesIn(headers.get('vary'))).toContain('origin')
      }
    for (const path of ['/photos', '/', '/openapi.json', '/projects/1/events', '/health']) {
      const { headers, body } = await fetch(url + path, { headers: { origin: OWN, 'accept-encoding': 'br' } })
      await body?.cancel()
      expect.soft(headers.get('access-control-allow-origin'), path).toBe(OWN)
      expect.soft(namesIn(headers.get('access-control-expose-headers')).sort(), path).toEqual(READ.sort())
      expect.soft(namesIn(headers.get('vary')), path).toContain('origin')
      // Cookies are of the page's own origin.
      expect.soft(headers.get('access-control-allow-credentials'), path).toBeNull()
    }
    const page = await fetch(`${url}/`, { headers: { origin: OWN } })
    expect(namesIn(page.headers.get('vary')).sort()).toEqual(['accept-encoding', 'origin'])
    const asked = await fetch(`${url}/photos`, { method: 'OPTIONS', headers: { origin: OWN } })
    expect([asked.status, asked.headers.get('allow')]).toEqual([204, 'GET, HEAD, POST, DELETE, OPTIONS'])
    const unknown = await fetch(`${url}/nothing`, { method: 'OPTIONS', headers: { origin: OWN } })
    expect([unknown.status, unknown.headers.get('access-control-allow-origin')]).toEqual([404, OWN])
  }, CORS))

test('such a page reads why a request is refused, too', () =>
  serving(
    async (url) => {
      const key = { ...bearer(ADMIN_KEY), 'content-type': 'application/json' }
      const large = JSON.stringify('a'.repeat(5 * 1024 * 1024))
      const refusals: [status: number, method: string, path: string, headers?: object, body?: string][] = [
        [401, 'GET', '/photos'],
        [404, 'GET', '/nothing'],
        [405, 'PUT', '/photos'],
        [404, 'GET', '/photos/a', key],
        [422, 'GET', '/photos?limit=0', key],
        [422, 'GET', '/photos?nonsense=1', key],
        [415, 'POST', '/photos', bearer(ADMIN_KEY), '{}'],
        [400, 'POST', '/photos', key, '{'],
        [413, 'POST', '/photos', key, large],
        [426, 'GET', '/ws', key],
        [429, 'GET', '/photos', key],
        [429, 'GET', '/projects/1/events', key],
      ]
      for (const [status, method, path, headers, body] of refusals) {
        const answer = await fetch(url + path, {
          method,
          headers: { ...headers, origin: OWN },
          ...(body && { body }),
        })
        expect.soft(answer.status, path).toBe(status)
        expect.soft(answer.headers.get('access-control-allow-origin'), `${status} ${path}`).toBe(OWN)
        expect.soft(namesIn(answer.headers.get('vary')), `${status} ${path}`).toContain('origin')
        expect.soft(await answer.json()).toMatchObject({ status, code: expect.any(String) })
      }
      for (const path of ['/photos/%ff', `/photos/${'a'.repeat(600)}`])
        expect((await getRaw(url, path, { origin: OWN })).headers['access-control-allow-origin']).toBe(OWN)
    },
    { ...WITH_KEYS, ...CORS, RATE_LIMIT: '7' },
  ))

test('so it does where there are too many connections', () =>
  serving(
    async (url) => {
      const agent = new http.Agent({ keepAlive: true })
      const held = http.get(`${url}/health`, { agent })
      const [first] = (await once(held, 'response')) as [http.IncomingMessage]
      first.resume()
      const { status, headers } = await getRaw(url, '/photos', { origin: OWN })
      agent.destroy()
      expect([status, headers['access-control-allow-origin']]).toEqual([503, OWN])
      expect(headers['retry-after']).toBe('2')
      expect(headers['x-content-type-options']).toBe('nosniff')
    },
    { ...CORS, MAX_CONNECTIONS: '1' },
  ))
