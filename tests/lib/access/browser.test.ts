import { expect, test } from 'vitest'
import { checkLocal, checkOrigin } from '../../../lib/access/browser.ts'
import { readConfig } from '../../../lib/config/index.ts'

const codeOf = (check: () => void): string => {
  try {
    check()
    return ''
  } catch (error) {
    return (error as { code: string }).code
  }
}

const local = (headers: Record<string, string>, env: Record<string, string> = {}) =>
  codeOf(() => checkLocal({ config: readConfig(env) }, headers))

test.for([
  'localhost',
  'LOCALHOST:3000',
  'photos.localhost',
  '127.0.0.1',
  '127.9.9.9:80',
  '[::1]',
  '[::1]:3000',
  '[::ffff:127.0.0.1]',
])('a service of its machine answers to the name %s', (host) => expect(local({ host })).toBe(''))

test.for([
  'evil.example',
  'evil.example:3000',
  'localhost.evil.example',
  '127.0.0.1.evil.example',
  '10.0.0.1',
  '[::2]',
  'localhost@evil.example',
  'x; y',
  '',
])('and not to the name "%s"', (host) => expect(local({ host })).toBe('unknown-host'))

test('it answers to more names where it is told so', () => {
  const names = { AUTH: 'none', PUBLIC_URL: 'https://photos.example', ALLOWED_HOSTS: 'api, db.lan' }
  for (const host of ['photos.example', 'photos.example:80', 'api:3000', 'db.lan'])
    expect(local({ host }, names), host).toBe('')
  expect(local({ host: 'lan' }, names)).toBe('unknown-host')
  expect(local({}, names)).toBe('unknown-host')
  expect(local({ host: 'evil.example' }, { AUTH: 'keys' })).toBe('')
})

test('a proxy makes no service public whose owner thinks that it is local', () => {
  const host = 'localhost'
  const proxied: Record<string, string>[] = [
    { 'x-forwarded-for': '203.0.113.1' },
    { forwarded: 'for=203.0.113.1' },
  ]
  for (const headers of proxied) {
    expect(local({ host, ...headers })).toBe('behind-a-proxy')
    expect(local({ host, ...headers }, { AUTH: 'none' })).toBe('')
    expect(local({ host, ...headers }, { AUTH: 'keys' })).toBe('')
  }
})

const origin = (method: string, headers: Record<string, string>) =>
  codeOf(() =>
    checkOrigin(
      {
        config: readConfig({
          PUBLIC_URL: 'https://photos.example/base',
          CORS_ORIGINS: 'https://shop.example',
        }),
      },
      { method, headers: { host: 'localhost:3000', ...headers } },
    ),
  )

test.for([
  'http://localhost:3000',
  'https://localhost:3000',
  'https://photos.example',
  'https://shop.example',
])('a page of %s may change something', (from) => {
  expect(origin('POST', { origin: from })).toBe('')
  expect(origin('GET', { origin: from, upgrade: 'websocket' })).toBe('')
})

test.for([
  'null',
  'http://photos.example',
  'https://shop.example.evil.example',
  'http://localhost:4000',
  'http://evil.example',
  '',
])('a page of "%s" may not, nor open a socket', (from) => {
  for (const method of ['POST', 'DELETE', 'PUT', 'PATCH'])
    expect(origin(method, { origin: from }), method).toBe('foreign-origin')
  expect(origin('GET', { origin: from, upgrade: 'websocket' })).toBe('foreign-origin')
  expect(origin('GET', { origin: from })).toBe('')
  expect(origin('OPTIONS', { origin: from })).toBe('')
})

test('what is no browser says no origin', () => expect(origin('POST', {})).toBe(''))
