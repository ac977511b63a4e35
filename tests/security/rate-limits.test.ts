import type { APIGatewayProxyEventV2, Context } from 'aws-lambda'
import type { FastifyInstance } from 'fastify'
import { Redis } from 'ioredis'
import { describe, expect, inject, onTestFinished, test } from 'vitest'
import { endpoints, lives } from '../../functions/index.ts'
import type { NewKey } from '../../lib/access/keys.ts'
import { createKey } from '../../lib/access/keys.ts'
import type { App } from '../../lib/app.ts'
import { openHttp } from '../../lib/http/server.ts'
import { openHub } from '../../lib/live/hub.ts'
import { ROLES } from '../../scripts/serve/roles.ts'
import { readEvent, withLambda } from '../functions/support.ts'
import { type Environment, SETUPS, withApp } from '../support/app.ts'
import { openProxy } from '../support/proxy.ts'
import { openRedis } from '../support/servers/redis.ts'
import { freePort, until } from '../support/service.ts'

const [EMBEDDED] = SETUPS

const STRANGER = '203.0.113.7'

type Given = { app: App; server: FastifyInstance }

/** A server that asks for keys, and `more` of the same app. */
const withKeys = (
  use: (given: Given, more: () => Promise<FastifyInstance>) => Promise<void>,
  env: Environment = {},
) =>
  withApp(
    EMBEDDED,
    async (app) => {
      const hub = openHub(app)
      const opened: FastifyInstance[] = []
      const open = async () => {
        const server = await openHttp({ ...app, hub }, endpoints, lives)
        opened.push(server)
        await server.ready()
        return server
      }
      try {
        await use({ app, server: await open() }, open)
      } finally {
        for (const server of opened) await server.close()
        await hub.close()
      }
    },
    { AUTH: 'keys', RATE_LIMIT: '3', ...env },
  )

const makeKey = async ({ app }: Given, more: Partial<NewKey> = {}) =>
  (await createKey(app.db, { name: 'a', scopes: ['read', 'write'], projects: '*', ...more })).text

const get = (
  { server }: Pick<Given, 'server'>,
  bearer: string | undefined,
  { url = '/photos', address = '127.0.0.1' }: { url?: string; address?: string } = {},
) =>
  server.inject({
    url,
    remoteAddress: address,
    headers: bearer === undefined ? {} : { authorization: `Bearer ${bearer}` },
  })

/** The statuses of so many requests, one after the other. */
async function statuses(count: number, ask: () => Promise<{ statusCode: number }>): Promise<number[]> {
  const found: number[] = []
  for (let i = 0; i < count; i++) found.push((await ask()).statusCode)
  return found
}

const unknownKey = (i: number) => `pp_${i.toString(16).padStart(16, '0')}_${'a'.repeat(43)}`

describe('a key', () => {
  test('has its requests a minute, and is told how many are left and when it has more', () =>
    withKeys(async (given) => {
      const key = await makeKey(given)
      const first = await get(given, key)
      expect(first.headers).toMatchObject({ 'ratelimit-limit': '3', 'ratelimit-remaining': '2' })
      expect(Number(first.headers['ratelimit-reset'])).toBeGreaterThan(0)
      expect(await statuses(3, () => get(given, key))).toEqual([200, 200, 429])
      const refused = await get(given, key)
      expect(refused.json()).toMatchObject({ status: 429, code: 'rate-limited' })
      expect(refused.headers['content-type']).toMatch(/^application\/problem\+json/)
      expect(refused.headers).toMatchObject({ 'ratelimit-limit': '3', 'ratelimit-remaining': '0' })
      const wait = Number(refused.headers['retry-after'])
      expect(wait).toBeGreaterThan(0)
      expect(wait).toBeLessThanOrEqual(60)
      // What another key may do does not depend on it.
      expect((await get(given, await makeKey(given))).statusCode).toBe(200)
    }))

  test('may have a limit of its own', () =>
    withKeys(async (given) => {
      const key = await makeKey(given, { rateLimit: 1 })
      expect(await statuses(2, () => get(given, key))).toEqual([200, 429])
    }))

  test('is counted where its scopes do not reach, too', () =>
    withKeys(async (given) => {
      const key = await makeKey(given)
      expect(await statuses(4, () => get(given, key, { url: '/keys' }))).toEqual([403, 403, 403, 429])
    }))

  test('is counted with its tokens and sessions, whatever their number', () =>
    withKeys(async (given) => {
      const key = await makeKey(given, { projects: [1] })
      const made = await given.server.inject({
        method: 'POST',
        url: '/tokens',
        headers: { authorization: `Bearer ${key}` },
        payload: {},
      })
      const { token } = made.json() as { token: string }
      expect((await get(given, token)).statusCode).toBe(200)
      const signedIn = await given.server.inject({ method: 'POST', url: '/session', payload: { key } })
      expect(signedIn.statusCode).toBe(204)
      expect((await get(given, token)).statusCode).toBe(429)
      expect((await get(given, key)).statusCode).toBe(429)
    }))

  test('of ADMIN_KEY has a limit as well', () =>
    withKeys(
      async (given) => {
        expect(await statuses(4, () => get(given, unknownKey(1)))).toEqual([200, 200, 200, 429])
      },
      { ADMIN_KEY: unknownKey(1) },
    ))

  test('is not counted by signed links, nor by what is public', () =>
    withKeys(async (given) => {
      const { app, server } = given
      const sign = await app.access.links.signer()
      const links = await statuses(5, () => server.inject(`/files/${sign('none.jpg')}`))
      expect(links).toEqual(Array(5).fill(404))
      expect(await statuses(5, () => server.inject('/health'))).toEqual(Array(5).fill(200))
      expect((await server.inject('/health')).headers).not.toHaveProperty('ratelimit-limit')
    }))

  test('has no limit where access is open', () =>
    withKeys(
      async (given) => {
        expect(await statuses(5, () => get(given, undefined))).toEqual(Array(5).fill(200))
      },
      { AUTH: 'none' },
    ))
})

test('a function counts as well, by the address that the platform names', () =>
  withLambda(
    EMBEDDED,
    async (app) => {
      const key = await createKey(app.db, { name: 'a', scopes: ['read'], projects: '*' })
      const { handler } = await import('../../functions/photos/list.ts')
      const event = await readEvent<APIGatewayProxyEventV2>('get-photos')
      const ask = (text: string) =>
        handler({ ...event, headers: { ...event.headers, authorization: `Bearer ${text}` } }, {
          awsRequestId: 'test',
        } as Context).then(({ statusCode = 0, headers = {}, body = '' }) => ({ statusCode, headers, body }))
      expect(await statuses(3, () => ask(key.text))).toEqual([200, 200, 200])
      const refused = await ask(key.text)
      expect(JSON.parse(refused.body)).toMatchObject({ status: 429, code: 'rate-limited' })
      expect(refused.headers).toMatchObject({ 'ratelimit-limit': '3', 'retry-after': expect.any(String) })
      expect(event.requestContext.http.sourceIp).not.toMatch(/^127/)
      expect(await statuses(61, () => ask(unknownKey(0)))).toEqual([...Array(60).fill(401), 429])
    },
    { AUTH: 'keys', RATE_LIMIT: '3' },
  ))

describe('an address', () => {
  test('may send 60 keys a minute that are none; then nobody looks them up', () =>
    withKeys(async (given) => {
      let tried = 0
      const ask = () => get(given, unknownKey(tried++), { address: STRANGER })
      expect(await statuses(60, ask)).toEqual(Array(60).fill(401))
      const refused = await ask()
      expect(refused.json()).toMatchObject({ status: 429, code: 'rate-limited' })
      expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
      const signIn = await given.server.inject({
        method: 'POST',
        url: '/session',
        remoteAddress: STRANGER,
        payload: { key: unknownKey(0) },
      })
      expect(signIn.statusCode).toBe(429)
      expect((await get(given, unknownKey(0), { address: '203.0.113.8' })).statusCode).toBe(401)
    }))

  test('is counted by what it tries on the page', () =>
    withKeys(async ({ server }) => {
      const signIn = () =>
        server.inject({
          method: 'POST',
          url: '/session',
          remoteAddress: STRANGER,
          payload: { key: unknownKey(0) },
        })
      expect(await statuses(61, signIn)).toEqual([...Array(60).fill(401), 429])
    }))

  test('with many failures still lets in a key that is known, signed links and what is public', () =>
    withKeys(
      async (given) => {
        const [known, strange] = [await makeKey(given), await makeKey(given)]
        await get(given, known)
        const from = { address: STRANGER }
        await statuses(61, () => get(given, unknownKey(0), from))
        expect((await get(given, known, from)).statusCode).toBe(200)
        expect((await get(given, strange, from)).statusCode).toBe(429)
        expect((await get(given, undefined, { ...from, url: '/health' })).statusCode).toBe(200)
        const sign = await given.app.access.links.signer()
        expect((await get(given, undefined, { ...from, url: `/files/${sign('none.jpg')}` })).statusCode).toBe(
          404,
        )
      },
      { RATE_LIMIT: '1000' },
    ))

  test.for(['127.0.0.1', '::1', '::ffff:127.0.0.1'])('of this machine (%s) is not limited', (address) =>
    withKeys(async (given) => {
      const found = await statuses(70, () => get(given, unknownKey(0), { address }))
      expect(found).toEqual(Array(70).fill(401))
    }),
  )

  test.for(['203.0.113.7:', '[2001:db8::1]:'])('is the same whatever port a proxy names (%s…)', (address) =>
    withKeys(
      async ({ server }) => {
        let port = 1024
        const ask = () =>
          server.inject({
            url: '/photos',
            headers: { authorization: `Bearer ${unknownKey(0)}`, 'x-forwarded-for': `${address}${port++}` },
          })
        expect(await statuses(61, ask)).toEqual([...Array(60).fill(401), 429])
      },
      { TRUST_PROXY: '127.0.0.1' },
    ),
  )

  test('of IPv6 is counted by its network', () =>
    withKeys(async (given) => {
      let host = 1
      const ask = (key?: string) => get(given, key, { address: `2001:db8::${(host++).toString(16)}` })
      expect(await statuses(61, () => ask(unknownKey(0)))).toEqual([...Array(60).fill(401), 429])
      expect((await get(given, unknownKey(0), { address: '2001:db8:0:1::1' })).statusCode).toBe(401)
      // Who sends no credential tries none.
      expect(await statuses(61, () => ask())).toEqual(Array(61).fill(401))
    }))
})

describe.skipIf(inject('redisUrl') === undefined)('with Redis', () => {
  /** Processes that share a Redis, and how to end and begin it. */
  const withRedis = async (
    use: (
      given: Given,
      more: () => Promise<FastifyInstance>,
      proxy: Awaited<ReturnType<typeof openProxy>>,
    ) => Promise<void>,
  ) => {
    const redis = await openRedis()
    onTestFinished(() => redis.close())
    const proxy = await openProxy({ host: '127.0.0.1', port: redis.port })
    onTestFinished(() => proxy.close().catch(() => {}))
    await withKeys((given, more) => use(given, more, proxy), {
      REDIS_URL: `redis://127.0.0.1:${proxy.port}`,
      RATE_LIMIT: '20',
    })
  }

  test('processes count together', () =>
    withRedis(async (given, more) => {
      const key = await makeKey(given)
      const other = await more()
      const left = (answer: { headers: object }) =>
        Number((answer.headers as Record<string, string>)['ratelimit-remaining'])
      // A first request may find that Redis is not connected yet.
      await until(async () => left(await get(given, key)) - left(await get({ server: other }, key)) === 1)
    }))

  test('the health of a process, which is public, opens no connection', async () => {
    const redis = await openRedis()
    onTestFinished(() => redis.close())
    const client = new Redis(redis.url)
    onTestFinished(() => client.disconnect())
    const accepted = async () =>
      Number(/total_connections_received:(\d+)/.exec(await client.info('stats'))?.[1])
    const before = await accepted()
    await withApp(
      EMBEDDED,
      async (app) => {
        // The cache has its own.
        await expect.poll(accepted).toBe(before + 1)
        const health = await ROLES.relay?.[0]?.(app, Promise.resolve())
        expect(await accepted()).toBe(before + 1)
        expect((await fetch(`http://127.0.0.1:${app.config.healthPort}/metrics`)).status).toBe(200)
        await health?.stop()
      },
      { AUTH: 'keys', REDIS_URL: redis.url, HEALTH_PORT: String(await freePort()) },
    )
  })

  test.for([
    { name: 'cut off', begin: 'cut', end: 'restore' },
    { name: 'silent', begin: 'silence', end: 'speak' },
  ] as const)('a Redis that is $name leaves each process its own count', ({ begin, end }) =>
    withRedis(async (given, _more, proxy) => {
      const key = await makeKey(given)
      await get(given, key)
      await proxy[begin]()
      const found = await statuses(30, () => get(given, key))
      expect(new Set(found.slice(0, 19))).toEqual(new Set([200]))
      expect(found.at(-1)).toBe(429)
      await proxy[end]()
    }),
  )
})
