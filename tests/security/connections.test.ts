import net, { type Socket } from 'node:net'
import fastify from 'fastify'
import { expect, test } from 'vitest'
import { exemptAddresses } from '../../lib/http/addresses.ts'
import { limitConnections } from '../../lib/http/connections.ts'
import { openRate } from '../../lib/live/rate.ts'
import { connect } from '../functions/projects/clients.ts'
import { withServer } from '../functions/support.ts'
import { SETUPS, withApp } from '../support/app.ts'
import { until } from '../support/service.ts'

/** So many open connections that say nothing; `ended` counts those that the server has closed. */
async function occupy(url: string, count: number) {
  const { hostname, port } = new URL(url)
  let ended = 0
  const open = () =>
    new Promise<Socket>((resolve, reject) => {
      const socket = net.connect(Number(port), hostname, () => resolve(socket))
      socket.on('error', reject).on('close', () => ended++)
      socket.resume()
    })
  const sockets = await Promise.all(Array.from({ length: count }, open))
  return {
    ended: () => ended,
    close() {
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** The answer to a request on a connection of its own. */
async function get(url: string, path: string): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = net.connect(Number(port), hostname)
  socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`)
  const answer = new Promise<string>((resolve, reject) => {
    let got = ''
    socket.on('data', (data) => {
      got += data
      if (got.includes('\r\n\r\n')) resolve(got)
    })
    socket.on('close', () => resolve(got)).on('error', reject)
  })
  return answer.finally(() => socket.destroy())
}

test('past MAX_CONNECTIONS /livez is answered, all else 503 and closed; freed places are taken again', () =>
  withApp(
    SETUPS[0],
    (app) =>
      withServer(app, async (url) => {
        const occupied = await occupy(url, 20)
        await expect.poll(() => get(url, '/health')).toMatch(/^HTTP\/1\.1 503 /)
        const refused = await get(url, '/photos')
        expect(refused).toMatch(/\r\nconnection: close\r\n/i)
        expect(refused).toMatch(/\r\nretry-after: \d+\r\n/i)
        expect(refused).toContain('"code":"too-many-connections"')
        expect(await get(url, '/livez')).toMatch(/^HTTP\/1\.1 200 /)
        expect(await get(url, '/livez/?x=1')).toMatch(/^HTTP\/1\.1 200 /)
        expect(await get(url, '/livez/x')).toMatch(/^HTTP\/1\.1 503 /)
        occupied.close()
        await expect.poll(() => get(url, '/health')).toMatch(/^HTTP\/1\.1 200 /)
      }),
    { MAX_CONNECTIONS: '20' },
  ))

test('there is a hard limit above that', () =>
  withApp(
    SETUPS[0],
    (app) =>
      withServer(app, async (url) => {
        const occupied = await occupy(url, 300)
        await expect.poll(() => occupied.ended()).toBeGreaterThanOrEqual(300 - 20 - 256)
        occupied.close()
      }),
    { MAX_CONNECTIONS: '20' },
  ))

test('one address has 256 connections, unless it is exempt', async () => {
  for (const isExempt of [false, true]) {
    const server = fastify()
    limitConnections(server, 10_000, () => isExempt)
    server.get('/', async () => 'ok')
    const url = await server.listen({ host: '127.0.0.1', port: 0 })
    const occupied = await occupy(url, 256)
    await expect.poll(() => get(url, '/')).toMatch(isExempt ? /^HTTP\/1\.1 200 / : /^HTTP\/1\.1 503 /)
    const more = await occupy(url, 20)
    if (!isExempt) await expect.poll(() => more.ended()).toBe(20 - 8)
    occupied.close()
    more.close()
    await server.close()
  }
})

test('limits by address leave this machine and the proxies alone', () => {
  const isExempt = exemptAddresses(['10.0.0.0/8', 'fd00::1'])
  for (const address of [
    '127.0.0.1',
    '127.9.9.9',
    '::1',
    '::ffff:127.0.0.1',
    '10.1.2.3',
    '::ffff:10.1.2.3',
    'fd00::1',
  ])
    expect.soft(isExempt(address), address).toBe(true)
  for (const address of ['11.0.0.1', 'fd00::2', '192.168.0.1', '169.254.0.1'])
    expect.soft(isExempt(address), address).toBe(false)
})

test('X-Forwarded-For counts from a proxy in TRUST_PROXY only', async () => {
  for (const [trusted, status] of [
    ['', 101],
    ['loopback', 101],
  ] as const)
    await withApp(
      SETUPS[0],
      (app) =>
        withServer(app, async (url) => {
          const open = (count: number) =>
            Promise.all(Array.from({ length: count }, () => upgrade(url, '203.0.113.9')))
          const answers = await open(257)
          expect(answers.every(({ head }) => head.startsWith(`HTTP/1.1 ${status}`))).toBe(true)
          const closed = () => answers.filter(({ socket }) => socket.readableEnded || socket.destroyed).length
          if (trusted) await expect.poll(closed).toBe(1)
          else expect(closed()).toBe(0)
          for (const { socket } of answers) socket.destroy()
        }),
      { TRUST_PROXY: trusted, AUTH: 'none' },
    )
})

/** Opens a socket as a proxy does, for a client with that address. */
async function upgrade(url: string, client: string): Promise<{ socket: Socket; head: string }> {
  const { hostname, port } = new URL(url)
  const socket = net.connect(Number(port), hostname)
  socket.write(
    `GET /ws HTTP/1.1\r\nHost: ${hostname}:${port}\r\nX-Forwarded-For: ${client}\r\nConnection: Upgrade\r\n` +
      'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
  )
  const head = await new Promise<string>((resolve, reject) => {
    socket.once('data', (data) => resolve(String(data))).once('error', reject)
  })
  socket.resume()
  return { socket, head }
}

test('a socket that sends more than 20 messages a second is closed with 1008, pings included', () =>
  withApp(SETUPS[0], (app) =>
    withServer(app, async (url) => {
      const polite = await connect(`${url}/ws`)
      const flood = await connect(`${url}/ws`)
      const pings = await connect(`${url}/ws`)
      for (let id = 1; id <= 20_000; id++) flood.say({ subscribe: id })
      for (let i = 0; i < 100; i++) pings.socket.ping()
      for (let id = 1; id <= 20; id++) polite.say({ subscribe: id })
      await until(() => flood.closed() !== undefined && pings.closed() !== undefined)
      expect([flood.closed(), pings.closed()]).toEqual([1008, 1008])
      expect(flood.got.length).toBeLessThan(100)
      await until(() => polite.got.length === 20)
      expect(polite.closed()).toBeUndefined()
      polite.socket.close()
    }),
  ))

test('a socket that asks for more than 10 replays a minute is closed with 1008', () =>
  withApp(SETUPS[0], (app) =>
    withServer(app, async (url) => {
      const client = await connect(`${url}/ws`)
      const now = Date.now().toString(16).padStart(12, '0')
      const after = `${now.slice(0, 8)}-${now.slice(8)}-7000-8000-000000000000`
      for (let id = 1; id <= 10; id++) client.say({ subscribe: id, after })
      await until(() => client.got.length === 10)
      expect(client.closed()).toBeUndefined()
      client.say({ subscribe: 11, after })
      await until(() => client.closed() !== undefined)
      expect([client.closed(), client.got.length]).toEqual([1008, 10])
    }),
  ))

test('a rate gives back what time has brought, and no more than all', () => {
  let now = 0
  const rate = openRate({ most: 2, ms: 1_000 }, () => now)
  const take = () => rate.take()
  expect([take(), take(), take()]).toEqual([true, true, false])
  now = 499
  expect(take()).toBe(false)
  now = 500
  expect([take(), take()]).toEqual([true, false])
  now = 60_000
  expect([take(), take(), take()]).toEqual([true, true, false])
})
