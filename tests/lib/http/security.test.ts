import { uuidv7 } from 'uuidv7'
import { expect, test } from 'vitest'
import { withServer } from '../../functions/support.ts'
import { SETUPS, withApp } from '../../support/app.ts'

const EMBEDDED = SETUPS[0]

const withUrl = (use: (url: string) => Promise<void>) => withApp(EMBEDDED, (app) => withServer(app, use))

test('the headers of an answer do not name the server, and keep browsers from guessing', () =>
  withUrl(async (url) => {
    for (const target of ['/photos', '/photos/nonsense', '/docs', '/files/nonsense.jpg']) {
      const { headers } = await fetch(url + target)
      expect.soft(headers.get('x-content-type-options'), target).toBe('nosniff')
      expect.soft(headers.get('x-frame-options'), target).toMatch(/^(DENY|SAMEORIGIN)$/)
      expect.soft(headers.get('content-security-policy'), target).toMatch(/default-src '(self|none)'/)
      expect.soft(headers.get('referrer-policy'), target).toBe('no-referrer')
      expect.soft(headers.get('x-powered-by') ?? headers.get('server'), target).toBeNull()
    }
  }))

test('only over https browsers are told to stay there, and only images are for other pages', async () => {
  for (const [PUBLIC_URL, hsts] of [
    ['http://photos.example.com', null],
    ['https://photos.example.com', 'max-age=31536000; includeSubDomains'],
  ] as const)
    await withApp(
      EMBEDDED,
      (app) =>
        withServer(app, async (url) => {
          const { headers } = await fetch(`${url}/photos`)
          expect(headers.get('strict-transport-security')).toBe(hsts)
          expect(headers.get('cross-origin-resource-policy')).toBe('same-origin')
        }),
      { PUBLIC_URL },
    )
})

const preflight = (url: string, origin: string, method: string) =>
  fetch(url, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': method,
      'access-control-request-headers': 'content-type',
    },
  })

test('other origins get no leave unless CORS_ORIGINS names them', () =>
  withUrl(async (url) => {
    const answer = await fetch(`${url}/photos`, { headers: { origin: 'https://app.example.com' } })
    expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
    const allowed = await preflight(`${url}/photos`, 'https://app.example.com', 'POST')
    expect([allowed.status, allowed.headers.get('access-control-allow-origin')]).toEqual([404, null])
  }))

test.for(['GET', 'POST', 'DELETE'])('an origin that CORS_ORIGINS names may %s, and no other', (method) =>
  withApp(
    EMBEDDED,
    (app) =>
      withServer(app, async (url) => {
        for (const origin of ['https://app.example.com', 'http://127.0.0.1:8080']) {
          const { headers } = await fetch(`${url}/photos/nonsense`, { headers: { origin } })
          expect.soft(headers.get('access-control-allow-origin')).toBe(origin)
          expect.soft(headers.get('vary')).toMatch(/origin/i)
          expect
            .soft(headers.get('access-control-expose-headers'))
            .toMatch(/location.*link.*etag.*retry-after.*www-authenticate.*content-disposition.*x-cache/)
          const allowed = await preflight(`${url}/photos/${uuidv7()}`, origin, method)
          expect.soft(allowed.status).toBe(204)
          expect.soft(allowed.headers.get('access-control-allow-origin')).toBe(origin)
          expect
            .soft(allowed.headers.get('access-control-allow-methods'))
            .toMatch(new RegExp(`\\b${method}\\b`))
          expect.soft(allowed.headers.get('access-control-allow-headers')).toMatch(/content-type/i)
        }
        for (const origin of ['https://app.example.com.evil.com', 'http://app.example.com', 'null']) {
          const { headers } = await fetch(`${url}/photos`, { headers: { origin } })
          expect.soft(headers.get('access-control-allow-origin'), origin).not.toBe(origin)
          expect.soft(headers.get('access-control-allow-origin'), origin).not.toBe('*')
        }
      }),
    { CORS_ORIGINS: 'https://app.example.com, http://127.0.0.1:8080' },
  ),
)
