import { once } from 'node:events'
import type { APIGatewayProxyEventV2, Context } from 'aws-lambda'
import { expect, test } from 'vitest'
import WebSocket from 'ws'
import type { ProblemBody } from '../../lib/http/problem.ts'
import { getRaw, insertPhoto, readEvent, withLambda, withServer } from '../functions/support.ts'
import { type Environment, SETUPS, withApp } from '../support/app.ts'
import { processorTime } from '../support/processor-time.ts'
import { ADMIN_KEY, WITH_KEYS } from './credentials.ts'

const EMBEDDED = SETUPS[0]

const serving = (use: (url: string) => Promise<void>, env: Environment = {}) =>
  withApp(EMBEDDED, (app) => withServer(app, use), env)

/** The status of an answer, and the code of its problem. */
async function ask(url: string, path: string, headers: Record<string, string> = {}) {
  const { status, body } = await getRaw(url, path, headers)
  return [status, status && status >= 400 ? (JSON.parse(body) as ProblemBody).code : undefined]
}

test('a service of its machine is none for a name that was bound to it anew', () =>
  serving(async (url) => {
    const host = 'evil.example'
    for (const path of ['/photos', '/photos/pending', '/', '/files/a', '/docs/', '/openapi.json', '/nothing'])
      expect(await ask(url, path, { host }), path).toEqual([421, 'unknown-host'])
    for (const path of ['/health', '/healthz', '/livez', '/readyz', '/v1/healthz', '/metrics'])
      expect(await ask(url, path, { host }), path).toEqual([200, undefined])
    expect(await ask(url, '/photos', { host: 'localhost' })).toEqual([200, undefined])
    const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`, { headers: { host } })
    socket.on('error', () => {})
    const [, answer] = await once(socket, 'unexpected-response')
    expect(answer.statusCode).toBe(421)
  }))

test('a proxy before it is told to set AUTH', () =>
  serving(async (url) => {
    for (const header of ['x-forwarded-for', 'forwarded'])
      expect(await ask(url, '/photos', { [header]: 'for=203.0.113.7' })).toEqual([403, 'behind-a-proxy'])
    expect(await ask(url, '/readyz', { 'x-forwarded-for': '203.0.113.7' })).toEqual([200, undefined])
  }))

test('with AUTH=none that was set a proxy may stand before it', () =>
  serving(
    async (url) =>
      expect(await ask(url, '/photos', { 'x-forwarded-for': '203.0.113.7' })).toEqual([200, undefined]),
    { AUTH: 'none' },
  ))

test.for([
  ['none', {}],
  ['keys', WITH_KEYS],
] as const)('a page of another origin changes nothing, with AUTH=%s', ([, env]) =>
  withApp(
    EMBEDDED,
    (app) =>
      withServer(app, async (url) => {
        const uuid = await insertPhoto(app)
        const authorization = `Bearer ${ADMIN_KEY}`
        const send = async (method: string, path: string, origin: string) => {
          const answer = await fetch(`${url}${path}`, {
            method,
            headers: {
              origin,
              authorization,
              ...(method === 'POST' && { 'content-type': 'application/json' }),
            },
            ...(method === 'POST' && { body: JSON.stringify([uuid]) }),
          })
          return [
            answer.status,
            answer.status === 403 ? ((await answer.json()) as ProblemBody).code : undefined,
          ]
        }
        for (const origin of ['http://evil.example', 'null']) {
          for (const path of ['/photos/process', '/upload', '/uploads', '/session', '/v1/images'])
            expect(await send('POST', path, origin), path).toEqual([403, 'foreign-origin'])
          expect(await send('DELETE', `/photos/${uuid}`, origin)).toEqual([403, 'foreign-origin'])
        }
        expect(await send('POST', '/photos/process', url)).toEqual([202, undefined])
        expect(await send('DELETE', `/photos/${uuid}`, url)).toEqual([204, undefined])
      }),
    env,
  ),
)

test('functions have no Host of their own, and refuse a foreign origin all the same', () =>
  withLambda(EMBEDDED, async () => {
    const event = await readEvent<APIGatewayProxyEventV2>('post-process')
    const { handler } = await import('../../functions/photos/request-processing.ts')
    const statusOf = async (headers: Record<string, string>) =>
      (await handler({ ...event, headers: { ...event.headers, ...headers } }, {} as Context)).statusCode
    expect(await statusOf({ host: 'evil.example', 'x-forwarded-for': '203.0.113.7' })).toBe(202)
    expect(await statusOf({ origin: 'http://evil.example' })).toBe(403)
  }))

test('a key in an address is none', () =>
  serving(async (url) => {
    for (const name of ['access_token', 'key', 'token', 'api_key', 'authorization'])
      expect(await ask(url, `/photos?${name}=${ADMIN_KEY}`), name).toEqual([401, 'unauthorized'])
  }, WITH_KEYS))

test('an odd Authorization is 401, and costs no more time than its length', () =>
  serving(async (url) => {
    const odd = [
      '',
      ' ',
      'Bearer',
      'Bearer ',
      `Bearer  ${ADMIN_KEY}`,
      `Bearer ${ADMIN_KEY} `.padEnd(9_000, ' x'),
      `Bearer ${ADMIN_KEY},`,
      `Token ${ADMIN_KEY}`,
      ADMIN_KEY,
      `Bearer ${'a.'.repeat(2_000)}`,
      `Bearer pp_${'a'.repeat(4_000)}_`,
      `Bearer ${'_'.repeat(4_000)}`,
      `Bearer eyJ${'e30.'.repeat(900)}`,
      `Bearer ${'ä'.repeat(1_000)}`,
      `Basic ${'='.repeat(9_000)}`,
    ]
    for (const authorization of odd)
      expect(
        await ask(url, '/photos', { authorization: Buffer.from(authorization).toString('latin1') }),
        authorization.slice(0, 30),
      ).toEqual([401, 'unauthorized'])
    expect((await ask(url, '/photos', { authorization: 'x'.repeat(20_000) }))[0]).toBe(431)
    const costOf = async (authorization: string) => {
      await ask(url, '/photos', { authorization })
      return processorTime(async () => {
        for (let i = 0; i < 20; i++) await ask(url, '/photos', { authorization })
      })
    }
    const blanks = await costOf(`Bearer${' '.repeat(12_000)}x`)
    expect(blanks / 20).toBeLessThan(25)
  }, WITH_KEYS))
