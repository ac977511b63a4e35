import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { afterAll, expect, test } from 'vitest'
import { endpoints, lives } from '../../../functions/index.ts'
import type { App } from '../../../lib/app.ts'
import { problemOf, withServer } from '../../functions/support.ts'
import { CALLS } from '../../security/calls.ts'
import { ADMIN_KEY, bearer, WITH_KEYS } from '../../security/credentials.ts'
import { makeWorld } from '../../security/world.ts'
import { SETUPS, withApp } from '../../support/app.ts'

const agent = new http.Agent({ keepAlive: true })
afterAll(() => agent.destroy())

const withKeys = (use: (url: string, app: App) => Promise<void>) =>
  withApp(SETUPS[0], (app) => withServer(app, (url) => use(url, app)), WITH_KEYS)

const OPENINGS = [
  ...endpoints.map(({ method, path }) => ({ method: method as string, path })),
  ...[...lives.map(({ path }) => path), '/openapi.json', '/docs', '/docs/static/index.html'].map((path) => ({
    method: 'GET',
    path,
  })),
]

/** Every path with the methods that it has, in the order of `Allow`. */
const PATHS = [...Map.groupBy(OPENINGS, ({ path }) => path.replace(/:\w+|\*/g, '1'))].map(([path, all]) => {
  const own = new Set(all.map(({ method }) => method))
  const allow = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'].filter(
    (method) => own.has(method) || (method === 'HEAD' && own.has('GET')),
  )
  return { path, allow: [...allow, 'OPTIONS'] }
})

/** Sends what `fetch` does not: TRACE; and reads an answer to HEAD. */
async function send(url: string, method: string, path: string, headers: Record<string, string> = {}) {
  const request = http.request(url + path, { method, headers, agent }).end()
  const [answer] = (await once(request, 'response')) as [http.IncomingMessage]
  const isStream = method === 'GET' && answer.headers['content-type'] === 'text/event-stream'
  let body = ''
  if (isStream) answer.destroy()
  else for await (const chunk of answer.setEncoding('utf8')) body += chunk
  return { status: answer.statusCode, headers: answer.headers, body }
}

test('a path with another method is 405 with what it takes, without a credential', () =>
  withKeys(async (url) => {
    for (const { path, allow } of PATHS)
      for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE']) {
        if (allow.includes(method)) continue
        const { status, headers, body } = await send(url, method, `${path.replace(/\/$/, '')}/?x=1`)
        expect.soft([status, headers.allow], `${method} ${path}`).toEqual([405, allow.join(', ')])
        if (method !== 'HEAD')
          expect.soft(JSON.parse(body), path).toMatchObject({ status: 405, code: 'method-not-allowed' })
      }
  }))

test('OPTIONS is 204 with what a path takes, and 404 where there is none', () =>
  withKeys(async (url) => {
    for (const { path, allow } of PATHS)
      for (const slash of path === '/' ? [''] : ['', '/']) {
        const { status, headers, body } = await send(url, 'OPTIONS', path + slash)
        expect.soft([status, headers.allow, body], path).toEqual([204, allow.join(', '), ''])
      }
    for (const method of ['OPTIONS', 'DELETE', 'PATCH'])
      expect((await problemOf(await fetch(`${url}/nothing/here`, { method }), 404)).code).toBe('not-found')
  }))

test('a body of which only the length came is not waited for', () =>
  withKeys(async (url) => {
    const { hostname, port } = new URL(url)
    for (const target of [
      'PUT /photos',
      'OPTIONS /photos',
      'DELETE /ws',
      'PATCH /uploads',
      'POST /files/a',
    ]) {
      const socket = net.connect(Number(port), hostname)
      socket.write(
        `${target} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n`,
      )
      const [answer] = await once(socket, 'data')
      expect
        .soft(String(answer), target)
        .toMatch(target.startsWith('OPTIONS') ? /^HTTP\/1.1 204/ : /^HTTP\/1.1 405/)
      socket.destroy()
    }
  }))

/** Headers that are the same whenever they are sent, and the names of those that count or tell the time. */
const comparable = ({
  'content-length': _length,
  'transfer-encoding': _encoding,
  ...headers
}: http.IncomingHttpHeaders) =>
  Object.entries(headers).map(([name, value]) =>
    /^(date|ratelimit-re|last-event-id|x-cache|x-request-id)/.test(name) ? name : [name, value],
  )

test('HEAD has the headers of GET, and no body', () =>
  withKeys(async (url, app) => {
    const world = await makeWorld(app)
    for (const [name, { call, ok }] of Object.entries(CALLS)) {
      const [method, pattern] = name.split(' ')
      if (method !== 'GET') continue
      const { path } = await call(world)
      const [got, head] = [
        await send(url, 'GET', path, bearer(ADMIN_KEY)),
        await send(url, 'HEAD', path, bearer(ADMIN_KEY)),
      ]
      expect.soft([got.status, head.status, head.body], pattern).toEqual([ok, ok, ''])
      // The length may be missing (RFC 9110, 8.6).
      expect
        .soft([undefined, got.headers['content-length']], pattern)
        .toContain(head.headers['content-length'])
      expect.soft(comparable(head.headers), pattern).toEqual(comparable(got.headers))
    }
  }))

test('HEAD of an event stream counts as none', () =>
  withKeys(async (url) => {
    for (let i = 0; i < 20; i++)
      expect((await send(url, 'HEAD', '/projects/1/events', bearer(ADMIN_KEY))).status).toBe(200)
    expect((await send(url, 'GET', '/projects/1/events', bearer(ADMIN_KEY))).status).toBe(200)
    expect((await send(url, 'HEAD', '/projects/1/events')).status).toBe(401)
  }))
