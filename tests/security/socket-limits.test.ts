import { once } from 'node:events'
import http from 'node:http'
import { expect, onTestFinished, test } from 'vitest'
import WebSocket from 'ws'
import { createKey } from '../../lib/access/keys.ts'
import type { App } from '../../lib/app.ts'
import { MAX_CONNECTIONS } from '../../lib/live/connections.ts'
import { withServer } from '../functions/support.ts'
import { SETUPS, withApp } from '../support/app.ts'
import { until } from '../support/service.ts'

const [EMBEDDED] = SETUPS

const withUrl = (use: (app: App, url: string) => Promise<void>, auth = 'keys') =>
  withApp(EMBEDDED, (app) => withServer(app, (url) => use(app, url)), { AUTH: auth })

const makeKey = async (app: App) =>
  (await createKey(app.db, { name: 'a', scopes: ['read', 'write'], projects: [1] })).text

const bearer = (text: string) => ({ authorization: `Bearer ${text}` })

/** A token of a key. */
async function makeToken(url: string, key: string): Promise<string> {
  const answer = await fetch(`${url}/tokens`, {
    method: 'POST',
    headers: { ...bearer(key), 'content-type': 'application/json' },
    body: '{}',
  })
  return ((await answer.json()) as { token: string }).token
}

/** A socket, with what it was sent and how it was closed. */
async function open(url: string, headers: Record<string, string> = {}) {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`, { headers })
  onTestFinished(() => socket.terminate())
  const got: object[] = []
  const ended: { code: number; why: string }[] = []
  socket.on('message', (data) => got.push(JSON.parse(String(data))))
  socket.on('close', (code, why) => ended.push({ code, why: String(why) }))
  await once(socket, 'open')
  return { socket, got, ended, say: (message: object) => socket.send(JSON.stringify(message)) }
}

/** A socket whose client was let in, or was not. */
async function openWith(url: string, headers: Record<string, string>) {
  const client = await open(url, headers)
  client.say({ subscribe: 1 })
  await until(() => client.got.length > 0 || client.ended.length > 0)
  return client
}

/** The same whose token is the first message. */
async function openByToken(url: string, token: string) {
  const client = await open(url)
  client.say({ token })
  await until(() => client.got.length > 0 || client.ended.length > 0)
  return client
}

/** The status of an event stream, and how to end it. */
async function stream(url: string, key: string) {
  const request = http.get(`${url}/projects/1/events`, { agent: false, headers: bearer(key) })
  onTestFinished(() => void request.destroy())
  request.on('error', () => {})
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  response.on('error', () => {}).resume()
  return { status: response.statusCode, end: () => request.destroy() }
}

const fill = async <T>(count: number, make: () => Promise<T>) =>
  Promise.all(Array.from({ length: count }, make))

test('a key has 16 sockets and event streams; the next is closed with 1008, until one ends', () =>
  withUrl(async (app, url) => {
    const key = await makeKey(app)
    const clients = await fill(MAX_CONNECTIONS - 1, () => openWith(url, bearer(key)))
    const events = await stream(url, key)
    expect(events.status).toBe(200)
    expect(clients.flatMap(({ ended }) => ended)).toEqual([])
    const beyond = await openWith(url, bearer(key))
    await until(() => beyond.ended.length > 0)
    expect(beyond.ended).toEqual([{ code: 1008, why: expect.stringMatching(/16 sockets/) }])
    expect((await stream(url, key)).status).toBe(429)
    // Another key does not depend on it.
    const other = await openWith(url, bearer(await makeKey(app)))
    expect(other.ended).toEqual([])
    for (const end of [() => clients[0]?.socket.terminate(), () => clients[1]?.socket.close(), events.end]) {
      end()
      await until(async () => (await openWith(url, bearer(key))).ended.length === 0)
    }
  }))

test('a token has 16 of its own, whatever the other tokens of its key have', () =>
  withUrl(async (app, url) => {
    const key = await makeKey(app)
    const [token, other] = [await makeToken(url, key), await makeToken(url, key)]
    await fill(MAX_CONNECTIONS, () => openByToken(url, token))
    const beyond = await openByToken(url, token)
    await until(() => beyond.ended.length > 0)
    expect(beyond.ended).toEqual([{ code: 1008, why: expect.stringMatching(/16 sockets/) }])
    expect((await openWith(url, bearer(key))).ended).toEqual([])
    expect((await openByToken(url, other)).got).toEqual([{ authorized: true }])
  }))

test('a token is the same however its signature is written', () =>
  withUrl(async (app, url) => {
    const token = await makeToken(url, await makeKey(app))
    const written = Array.from({ length: MAX_CONNECTIONS }, (_, i) => token + ' '.repeat(i))
    await Promise.all(written.map((text) => openByToken(url, text)))
    const beyond = await openByToken(url, `${token}=`)
    await until(() => beyond.ended.length > 0)
    expect(beyond.ended).toEqual([{ code: 1008, why: expect.stringMatching(/16 sockets/) }])
  }))

test('a socket that sends its token again keeps its place, and takes no other', () =>
  withUrl(async (app, url) => {
    const key = await makeKey(app)
    const token = await makeToken(url, key)
    const [client] = await fill(MAX_CONNECTIONS, () => openByToken(url, token))
    for (let i = 0; i < 3; i++) client?.say({ token })
    await until(() => client?.got.length === 4)
    expect(client?.got).toEqual(Array(4).fill({ authorized: true }))
    client?.socket.terminate()
    await until(async () => (await openByToken(url, token)).ended.length === 0)
  }))

test('a socket whose client goes while its token is looked at keeps no place', () =>
  withUrl(async (app, url) => {
    const token = await makeToken(url, await makeKey(app))
    for (let i = 0; i < 2 * MAX_CONNECTIONS; i++) {
      const { say, socket } = await open(url)
      say({ token })
      socket.terminate()
    }
    const clients = await fill(MAX_CONNECTIONS, () => openByToken(url, token))
    expect(clients.flatMap(({ ended }) => ended)).toEqual([])
  }))

test('where access is open, sockets are not counted', () =>
  withUrl(async (_app, url) => {
    const clients = await fill(MAX_CONNECTIONS + 4, () => openWith(url, {}))
    expect(clients.flatMap(({ ended }) => ended)).toEqual([])
  }, 'none'))
