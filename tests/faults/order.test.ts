import { expect, test, vi } from 'vitest'
import { type App, openApp } from '../../lib/app.ts'
import { readConfig } from '../../lib/config/index.ts'
import { migrate } from '../../lib/db/migrate.ts'
import { connect, happen } from '../functions/projects/clients.ts'
import { insertPhoto, withServer } from '../functions/support.ts'
import { isAvailable, SETUPS, withEnvironment } from '../support/app.ts'
import { type Proxy as Link, openProxy } from '../support/proxy.ts'
import { DEADLINE_MS, until } from '../support/service.ts'

const SERVERS = SETUPS[1]

type Parts = {
  /** A web process, which reaches database and broker through the proxies. */
  url: string
  web: App
  database: Link
  broker: Link
  /** Lets a photo have been processed by another process, whose clock is that far off; returns it. */
  process(offsetMs?: number): Promise<string>
}

async function proxyOf(given: string, port: number) {
  const url = new URL(given)
  const proxy = await openProxy({ host: url.hostname, port: Number(url.port || port) })
  url.hostname = '127.0.0.1'
  url.port = String(proxy.port)
  return { proxy, url: url.href }
}

const withParts = (use: (parts: Parts) => Promise<void>) =>
  withEnvironment(
    SERVERS,
    async (env) => {
      const [database, broker] = [
        await proxyOf(env.DATABASE_URL ?? '', 5432),
        await proxyOf(env.RABBITMQ_URL ?? '', 5672),
      ]
      const other = await openApp(readConfig(env))
      await migrate(other.db)
      const web = await openApp(readConfig({ ...env, DATABASE_URL: database.url, RABBITMQ_URL: broker.url }))
      const process = async (offsetMs = 0) => {
        const uuid = await insertPhoto(other, { project_id: 1, door: 'projects' })
        vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + offsetMs })
        await happen(other, uuid).finally(() => vi.useRealTimers())
        return uuid
      }
      try {
        await withServer(web, (url) =>
          use({ url, web, database: database.proxy, broker: broker.proxy, process }),
        )
      } finally {
        await web.close()
        await other.close()
        await database.proxy.close().catch(() => {})
        await broker.proxy.close().catch(() => {})
      }
    },
    'migrated',
  )

/** A client that hears what happens, and the text of an event stream beside it. */
async function listen({ url, process }: Parts) {
  const client = await connect(`${url}/projects/1/events`)
  await until(async () => {
    await process()
    return client.subjects().length > 0
  })
  return client
}

const hears = (client: Awaited<ReturnType<typeof connect>>, uuids: readonly string[]) =>
  until(
    () => uuids.every((uuid) => client.subjects().includes(uuid)),
    DEADLINE_MS,
    () => [uuids.filter((uuid) => !client.subjects().includes(uuid)), client.closed()],
  )

test.skipIf(!isAvailable(SERVERS)).for(['broker', 'database'] as const)(
  'when broker and database were away, and the %s is back first, a socket hears all that ended meanwhile',
  (first) =>
    withParts(async (parts) => {
      const { web, database, broker, process } = parts
      const client = await listen(parts)
      await Promise.all([database.cut(), broker.cut()])
      await until(() => !web.queue.isUp())
      const ended = [await process(60_000), await process(-60_000), await process()]
      const second = first === 'broker' ? database : broker
      await (first === 'broker' ? broker : database).restore()
      if (first === 'broker') await until(() => web.queue.isUp())
      ended.push(await process(-60_000))
      // By now the missed events have been read once, in vain.
      await new Promise((resolve) => setTimeout(resolve, 2_000))
      await second.restore()
      await hears(client, ended)
      ended.push(await process(-60_000))
      await hears(client, ended)
      expect(client.closed()).toBeUndefined()
      client.socket.terminate()
    }),
)

test.skipIf(!isAvailable(SERVERS))(
  'a client that comes back while the database is away hears what it missed, by socket and by event stream',
  () =>
    withParts(async (parts) => {
      const { url, database, process } = parts
      const client = await listen(parts)
      // Clocks that are a minute ahead and behind: the last that came is a cursor, whatever its id.
      const last = await process(60_000)
      await hears(client, [last])
      const cursor = client.got.at(-1)?.id ?? ''
      client.socket.terminate()
      const ended = [await process(-60_000), await process()]
      await database.cut()
      const again = await connect(`${url}/projects/1/events?after=${cursor}`)
      const aborting = new AbortController()
      const { signal } = aborting
      const stream = await fetch(`${url}/projects/1/events`, { headers: { 'last-event-id': cursor }, signal })
      let text = ''
      const reading = (async () => {
        for await (const chunk of stream.body ?? []) text += Buffer.from(chunk).toString()
      })().catch(() => {})
      ended.push(await process(-60_000))
      await new Promise((resolve) => setTimeout(resolve, 2_000))
      await database.restore()
      await hears(again, ended)
      await until(
        () => ended.every((uuid) => text.includes(uuid)),
        DEADLINE_MS,
        () => text,
      )
      expect(again.got.filter(({ error }) => error)).toEqual([])
      again.socket.terminate()
      aborting.abort()
      await reading
    }),
)
