import net from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import type { App } from '../../../lib/app.ts'
import { expectNoSecrets, getRaw, insertPhoto, post, problemOf, withServer } from '../../functions/support.ts'
import { CALLS } from '../../security/calls.ts'
import { makeWorld } from '../../security/world.ts'
import { SETUPS, withApp } from '../../support/app.ts'

const EMBEDDED = SETUPS[0]

const withUrl = (use: (url: string, app: App) => Promise<void>) =>
  withApp(EMBEDDED, (app) => withServer(app, (url) => use(url, app)))

/** What the server answers to bytes, and that it goes on afterwards. */
async function exchange(url: string, bytes: string): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = net.connect(Number(port), hostname)
  socket.end(bytes)
  const answer = await text(socket)
  expect((await fetch(`${url}/health`)).status).toBe(200)
  expectNoSecrets(answer)
  return answer
}

test('a trailing slash makes no difference', () =>
  withApp(EMBEDDED, async (app) => {
    const uuid = await insertPhoto(app)
    await withServer(app, async (url) => {
      for (const target of ['/photos', '/photos/pending', `/photos/${uuid}`, '/readyz', '/openapi.json']) {
        const [plain, slashed] = [await fetch(url + target), await fetch(`${url}${target}/`)]
        expect.soft([slashed.status, await slashed.text()], target).toEqual([200, await plain.text()])
      }
      expect((await fetch(`${url}/docs/`)).status).toBe(200)
      expect((await fetch(`${url}/photos/?limit=1`)).status).toBe(200)
      expect((await post(`${url}/photos/`, { url: 'https://example.com/a.jpg' })).status).toBe(201)
      expect((await post(`${url}/photos/process/`, [uuid])).status).toBe(202)
      const removed = await fetch(`${url}/photos/${await insertPhoto(app)}/`, { method: 'DELETE' })
      expect(removed.status).toBe(204)
    })
  }))

test.for([
  ['an id of 8,000 characters', `/photos/${'a'.repeat(8_000)}`, 404],
  ['a path of 600 segments', `/${'a/'.repeat(600)}`, 404],
  ['a query of 8,000 characters', `/photos?name=${'a'.repeat(8_000)}`, 422],
  ['an escape that is none', '/photos/%', 400],
  ['an escape that is no UTF-8', '/photos/%ff', 400],
  ['a path that is no path', '//evil.example.com/photos', 404],
] as const)('%s in a URL is a problem', ([, target, status]) =>
  withUrl(async (url) => {
    const { headers, body, ...answer } = await getRaw(url, target)
    expect.soft(answer.status).toBe(status)
    expect.soft(headers['content-type']).toMatch(/^application\/problem\+json/)
    expectNoSecrets(body)
    expect(body).not.toContain('aaaaaaaa')
  }),
)

test.for([
  ['a URL of 20,000 characters', `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 431],
  ['a header of 20,000 characters', `GET / HTTP/1.1\r\nHost: a\r\nX-A: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
  ['a NUL in the path', 'GET /photos/\0 HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['a NUL in a header', 'GET /photos HTTP/1.1\r\nHost: a\r\nX-A: \0\r\n\r\n', 400],
  [
    'two lengths',
    'POST /photos HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}',
    400,
  ],
  [
    'a length and chunks',
    'POST /photos HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    400,
  ],
  ['no HTTP', 'nonsense\r\n\r\n', 400],
] as const)('%s is refused, and the server goes on', ([, bytes, status]) =>
  withUrl(async (url) => {
    const answer = await exchange(url, bytes)
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
  }),
)

test('what is refused before it is a request is a problem, too', () =>
  withUrl(async (url) => {
    const answer = await exchange(url, 'nonsense\r\n\r\n')
    expect(answer).toMatch(/\r\ncontent-type: application\/problem\+json/i)
  }))

test.for([
  ['limit=1&limit=2', '/query/limit'],
  ['status=failed&status=pending', '/query/status'],
  ['name=a&name=b', '/query/name'],
])('a parameter that is given twice (%s) is refused', ([query, pointer]) =>
  withUrl(async (url) => {
    const problem = await problemOf(await fetch(`${url}/photos?${query}`), 422)
    expect(problem.errors?.[0]?.pointer).toBe(pointer)
  }),
)

test.for([
  'utm_source=mail',
  'limit[]=5',
  '__proto__=x',
  'constructor=x',
  'lease_token=x',
  'photos.uuid=x',
  'uuid=x',
])('a parameter that no list knows (%s) is refused, with those that it knows', (query) =>
  withUrl(async (url) => {
    const known = {
      '/photos': /is not known here; this address takes .*status, .*limit, after$/,
      '/photos/pending': /this address takes limit, after$/,
    }
    for (const [list, detail] of Object.entries(known)) {
      const problem = await problemOf(await fetch(`${url}${list}?${query}`), 422)
      expect.soft(problem.detail, list).toMatch(detail)
      const pointer = `/query/${query.split('=')[0]}`
      expect.soft(problem.errors, list).toEqual([{ pointer, detail: expect.stringMatching(detail) }])
    }
  }),
)

/** What has an address to which others add parameters: the page, files, and health. */
const TAKE_ANY =
  /^\/($|assets\/|files\/|health$|healthz$|livez$|readyz$|metrics$|v1\/healthz$|images\/:uuid\/content$)/

test('an unknown parameter is refused everywhere but on the page, of files and of health', () =>
  withApp(EMBEDDED, async (app) => {
    const world = await makeWorld(app)
    await withServer(app, async (url) => {
      for (const [name, { call, ok }] of Object.entries(CALLS)) {
        const [method = '', pattern = ''] = name.split(' ')
        const { path, body, form } = await call(world)
        const answer = await fetch(`${url}${path}?nonsense=1`, {
          method,
          ...(body && { headers: { 'content-type': 'application/json' } }),
          ...((body || form) && { body: form ?? JSON.stringify(body) }),
        })
        expect.soft(answer.status, name).toBe(TAKE_ANY.test(pattern) ? ok : 422)
        if (answer.status !== 422) await answer.body?.cancel()
        else
          expect.soft(await answer.json(), name).toMatchObject({
            errors: [
              {
                pointer: '/query/nonsense',
                detail: expect.stringMatching(/^is not known here; this address takes /),
              },
            ],
          })
      }
    })
  }))

test.for([
  '{"__proto__":{"polluted":true},"url":"https://example.com/a.jpg"}',
  '{"constructor":{"prototype":{"polluted":true}},"url":"https://example.com/a.jpg"}',
  '{"url":"https://example.com/a.jpg","toString":"polluted"}',
  '{"urls":{"length":1,"0":"https://example.com/a.jpg"}}',
])('a body that reaches for prototypes is refused: %s', (body) =>
  withUrl(async (url) => {
    const answer = await post(`${url}/photos`, body)
    expect([400, 422]).toContain(answer.status)
    await problemOf(answer, answer.status)
    expect(Object.keys(Object.prototype)).toEqual([])
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  }),
)

test('a body nested 100,000 deep is refused', () =>
  withUrl(async (url) => {
    const body = '['.repeat(100_000) + ']'.repeat(100_000)
    await problemOf(await post(`${url}/photos/process`, body), 422)
  }))

test('a client cannot change the method or the answer by headers', () =>
  withUrl(async (url, app) => {
    const uuid = await insertPhoto(app)
    const headers = {
      'x-http-method-override': 'DELETE',
      'x-forwarded-host': 'evil.example.com',
      'x-original-url': '/nonsense',
      accept: 'text/html',
    }
    const answer = await fetch(`${url}/photos/${uuid}`, { headers })
    expect([answer.status, answer.headers.get('content-type')]).toEqual([
      200,
      'application/json; charset=utf-8',
    ])
    const added = await getRaw(url, `/photos/${uuid}`, { host: 'evil.example.com' })
    expect(added.body).not.toContain('evil')
  }))
