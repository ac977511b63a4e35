import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import WebSocket from 'ws'
import type { Projects } from '../../lib/access/caller.ts'
import { revokeKey } from '../../lib/access/keys.ts'
import type { App } from '../../lib/app.ts'
import { connect, happen } from '../functions/projects/clients.ts'
import { eventsOf, insertPhoto, withServer } from '../functions/support.ts'
import { isAvailable, SETUPS, withApp } from '../support/app.ts'
import { until } from '../support/service.ts'
import { ADMIN_KEY, bearer, HOUR_MS, idOf, makeKey, printOf, WITH_KEYS } from './credentials.ts'

type Client = Awaited<ReturnType<typeof connect>>

const EMBEDDED = SETUPS[0]

const withKeys = (use: (app: App, url: string) => Promise<void>, setup: (typeof SETUPS)[number] = EMBEDDED) =>
  withApp(setup, (app) => withServer(app, (url) => use(app, url)), WITH_KEYS)

const makeToken = async (app: App, key: string, projects: Projects, ttlMs = HOUR_MS) => {
  const by = { scopes: ['read'], projects, keyId: idOf(key), print: printOf(key) } as const
  return (await app.access.tokens.issue('token', by, by, ttlMs)).token
}

/** What a message is answered with. */
async function ask(client: Client, message: unknown) {
  const before = client.got.length
  client.say(message)
  await until(() => client.got.length > before || client.closed() !== undefined)
  return client.got[before]
}

const closed = async ({ closed }: Client) => {
  await until(() => closed() !== undefined)
  return closed()
}

/** Photos of two projects, and of none. */
const makePhotos = async (app: App) => ({
  own: await insertPhoto(app, { project_id: 1, door: 'projects' }),
  foreign: await insertPhoto(app, { project_id: 2, door: 'projects' }),
  nobodys: await insertPhoto(app),
})

test('the first message of a socket is a token: before it nothing is subscribed to', () =>
  withKeys(async (app, url) => {
    const client = await connect(`${url}/ws`)
    expect(await ask(client, { subscribe: 1 })).toMatchObject({ error: { code: 'unauthorized' } })
    expect(await ask(client, { token: 1 })).toMatchObject({ error: { code: 'unknown-message' } })
    const key = await makeKey(app)
    expect(await ask(client, { token: await makeToken(app, key, [1]) })).toEqual({ authorized: true })
    expect(await ask(client, { subscribe: 1 })).toEqual({ subscribed: 1 })
    expect(await ask(client, { subscribe: 2 })).toMatchObject({ error: { code: 'not-found' } })
    // A token may be renewed, but not exchanged for one of others.
    expect(await ask(client, { token: await makeToken(app, key, [1]) })).toEqual({ authorized: true })
    client.say({ token: await makeToken(app, await makeKey(app, [2]), [2]) })
    expect(await closed(client)).toBe(1008)
  }))

test('a socket without a token is closed after 5 s, one with a wrong token at once', () =>
  withKeys(async (app, url) => {
    const silent = await Promise.all([connect(`${url}/ws`), connect(`${url}/projects/1/events`)])
    for (const token of [
      'nonsense',
      `${ADMIN_KEY}x`,
      await makeToken(app, await makeKey(app), [1], -5_000),
    ]) {
      const client = await connect(`${url}/ws`)
      client.say({ token })
      expect(await closed(client)).toBe(1008)
    }
    const writes = await connect(`${url}/ws`)
    writes.say({ token: await makeKey(app, [1], ['write']) })
    expect(await closed(writes)).toBe(1008)
    for (const client of silent) expect(await closed(client)).toBe(1008)
  }))

test('where access is open any token will do, and none is needed', () =>
  withApp(EMBEDDED, (app) =>
    withServer(app, async (url) => {
      const client = await connect(`${url}/ws`)
      expect(await ask(client, { subscribe: 2 })).toEqual({ subscribed: 2 })
      expect(await ask(client, { token: 'whatever' })).toEqual({ authorized: true })
      expect(await ask(client, { subscribe: 'all' })).toEqual({ subscribed: 'all' })
      client.socket.terminate()
    }),
  ))

test('no address carries a credential of a socket', () =>
  withKeys(async (app, url) => {
    const token = await makeToken(app, await makeKey(app), [1])
    for (const name of ['access_token', 'token']) {
      const socket = new WebSocket(`${url.replace('http', 'ws')}/ws?${name}=${token}`)
      socket.on('error', () => {})
      const [, answer] = await once(socket, 'unexpected-response')
      expect(answer.statusCode).toBe(422)
    }
    const client = await connect(`${url}/projects/1/events?access_token=${token}`)
    expect(await ask(client, { subscribe: 1 })).toMatchObject({ error: { code: 'unauthorized' } })
    client.socket.terminate()
  }))

test('a socket ends with its token, or when its key is revoked', () =>
  withKeys(async (app, url) => {
    const key = await makeKey(app)
    const [ends, revoked, byHeader, stays] = await Promise.all([
      connect(`${url}/ws`),
      connect(`${url}/ws`),
      connect(`${url}/ws`, bearer(key)),
      connect(`${url}/ws`, bearer(ADMIN_KEY)),
    ])
    await ask(ends, { token: await makeToken(app, await makeKey(app), [1], 2_000) })
    await ask(revoked, { token: await makeToken(app, key, [1]) })
    expect(await ask(byHeader, { subscribe: 1 })).toEqual({ subscribed: 1 })
    // As another process does: this one hears of it by itself.
    await revokeKey(app.db, idOf(key))
    for (const client of [ends, revoked, byHeader]) expect(await closed(client)).toBe(1008)
    expect(stays.closed()).toBeUndefined()
    stays.socket.terminate()
  }))

test('a page of another origin opens no socket, whatever cookie it has', () =>
  withKeys(async (app, url) => {
    const key = await makeKey(app)
    const by = { scopes: ['read'], projects: [1], keyId: idOf(key), print: printOf(key) } as const
    const { token } = await app.access.tokens.issue('session', by, by, HOUR_MS)
    const headers = { cookie: `session=${token}` }
    const foreign = new WebSocket(url.replace('http', 'ws').concat('/ws'), {
      headers: { ...headers, origin: 'http://evil.example' },
    })
    foreign.on('error', () => {})
    const [, answer] = await once(foreign, 'unexpected-response')
    expect(answer.statusCode).toBe(403)
    const own = await connect(`${url}/ws`, { ...headers, origin: url })
    expect(await ask(own, { subscribe: 1 })).toEqual({ subscribed: 1 })
    own.socket.terminate()
  }))

describe.for(SETUPS)('what a socket hears on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('are events of its own projects, whatever it subscribes to, and in a replay', () =>
    withKeys(async (app, url) => {
      const { own, foreign, nobodys } = await makePhotos(app)
      await happen(app, own)
      const [first] = await eventsOf(app, 'image.uploaded')
      for (const uuid of [nobodys, foreign, own]) await happen(app, uuid)
      const client = await connect(`${url}/ws`, bearer(await makeKey(app)))
      const admin = await connect(`${url}/ws`, bearer(ADMIN_KEY))
      expect(await ask(client, { subscribe: 'all', after: first?.id })).toEqual({ subscribed: 'all' })
      await ask(admin, { subscribe: 'all', after: first?.id })
      await until(() => admin.subjects().length === 4 && client.subjects().length === 2)
      client.say({ subscribe: foreign, after: first?.id })
      await until(() => client.got.some((one) => 'subscribed' in one && one.subscribed === foreign))
      // A broker binds the listener's queue a moment after the server listens.
      await until(async () => {
        await happen(app, own)
        return client.subjects().length > 2
      })
      for (const uuid of [nobodys, foreign, own]) await happen(app, uuid)
      const last = (await eventsOf(app, 'image.uploaded')).at(-1)
      await until(() => [client, admin].every(({ got }) => got.some(({ id }) => id === last?.id)))
      expect(new Set(client.subjects())).toEqual(new Set([own]))
      expect(new Set(admin.subjects())).toEqual(new Set([own, foreign, nobodys]))
      for (const { socket } of [client, admin]) socket.terminate()
    }, setup),
  )
})

test('an event stream takes its token in the address, and shows only the project', () =>
  withKeys(async (app, url) => {
    const { own, foreign } = await makePhotos(app)
    await happen(app, foreign)
    await happen(app, own)
    const [first] = await eventsOf(app, 'image.uploaded')
    const key = await makeKey(app)
    const token = await makeToken(app, key, [1])
    const statusOf = async (path: string) => {
      const answer = await fetch(`${url}${path}`)
      await answer.body?.cancel()
      return answer.status
    }
    expect(await statusOf(`/projects/1/events`)).toBe(401)
    expect(await statusOf(`/projects/1/events?access_token=${token}x`)).toBe(401)
    expect(await statusOf(`/projects/2/events?access_token=${token}`)).toBe(404)
    // There is no end of the stream to wait for.
    const head = await fetch(`${url}/projects/1/events?access_token=${token}`, { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
    // Nothing else takes it there.
    expect(await statusOf(`/projects/1/images?access_token=${token}`)).toBe(401)
    // A key ends with no hour, and logs keep addresses.
    expect(await statusOf(`/projects/1/events?access_token=${key}`)).toBe(401)
    const stream = await fetch(`${url}/projects/1/events?access_token=${token}&after=${first?.id}`)
    expect(stream.status).toBe(200)
    let text = ''
    for await (const chunk of stream.body ?? []) {
      text += Buffer.from(chunk).toString()
      if (text.includes(own)) break
    }
    expect(text).not.toContain(foreign)
    const ended = await fetch(`${url}/projects/1/events`, { headers: bearer(key) })
    await revokeKey(app.db, idOf(key))
    expect(await ended.text()).toContain(': connected')
  }))
