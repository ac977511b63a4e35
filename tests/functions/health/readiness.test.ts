import { readdir, rename, rm, writeFile } from 'node:fs/promises'
import net from 'node:net'
import path from 'node:path'
import { sql } from 'kysely'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { readiness } from '../../../functions/health/readiness.ts'
import { type App, openApp } from '../../../lib/app.ts'
import { readConfig } from '../../../lib/config/index.ts'
import { migrate } from '../../../lib/db/migrate.ts'
import { type Environment, isAvailable, SETUPS, withApp, withEnvironment } from '../../support/app.ts'
import { freePort, until } from '../../support/service.ts'
import { call, expectNoSecrets, problemOf, withServer } from '../support.ts'

const EMBEDDED = SETUPS[0]
const UP = { database: 'up', storage: 'up', queue: 'up', cache: 'up' }
const schema = { version: expect.stringMatching(/^\d{4}_\w+$/), missing: 0 }

const ask = async (app: App) => {
  const { status, body } = await call(readiness, app)
  return { status, body }
}

/** Asks until the status is so: the threads of a database may take longer to start than its check waits. */
const askUntil = async (app: App, status: number) => {
  await until(async () => (await ask(app)).status === status)
  return ask(app)
}

/** An app of which a part may be missing. */
const withPart = (more: (env: Environment) => Environment, use: (app: App) => Promise<void>) =>
  withEnvironment(
    EMBEDDED,
    async (env) => {
      const app = await openApp(readConfig({ ...env, ...more(env) }))
      try {
        await use(app)
      } finally {
        await app.close()
      }
    },
    'migrated',
  )

describe('GET /readyz', () => {
  test.for(SETUPS)('tells that everything is up on $name', (setup, { skip }) => {
    skip(!isAvailable(setup))
    return withApp(setup, async (app) => {
      await until(() => app.queue.isUp())
      await askUntil(app, 200)
      await withServer(app, async (url) => {
        const answer = await fetch(`${url}/readyz`)
        expect([answer.status, await answer.json()]).toEqual([200, { status: 'ok', checks: UP, schema }])
      })
    })
  })

  test('is ready though degraded while the broker is away', async () => {
    const port = await freePort()
    await withPart(
      () => ({ RABBITMQ_URL: `amqp://guest:guest@127.0.0.1:${port}` }),
      async (app) => {
        expect(await askUntil(app, 200)).toEqual({
          status: 200,
          body: { status: 'degraded', checks: { ...UP, queue: 'down' }, schema },
        })
      },
    )
  })

  test.for(SETUPS)('is not ready while the database of $name lacks a migration', (setup, { skip }) => {
    skip(!isAvailable(setup))
    return withEnvironment(setup, async (env) => {
      const app = await openApp(readConfig(env))
      try {
        await until(() => app.queue.isUp())
        await sql`select 1`.execute(app.db)
        expect(await ask(app)).toEqual({
          status: 503,
          body: { status: 'unavailable', checks: UP, schema: { version: null, missing: expect.any(Number) } },
        })
        await withServer(app, async (url) => {
          const answer = await fetch(`${url}/photos`)
          expect((await problemOf(answer, 503)).code).toBe('database-unavailable')
          expect(answer.headers.get('retry-after')).toBe('2')
        })
        await migrate(app.db)
        expect(await ask(app)).toEqual({ status: 200, body: { status: 'ok', checks: UP, schema } })
        await sql`delete from schema_migrations where name like '0001%'`.execute(app.db)
        expect(await ask(app)).toMatchObject({ status: 503, body: { schema: { missing: 1 } } })
      } finally {
        await app.close()
      }
    })
  })

  test('is not ready while the database is away, and tells nothing of where it is', async () => {
    const port = await freePort()
    await withPart(
      () => ({ DATABASE_URL: `postgres://someone:secret@127.0.0.1:${port}/none` }),
      (app) =>
        withServer(app, async (url) => {
          const answer = await fetch(`${url}/readyz`)
          const body = await answer.text()
          expect(answer.status).toBe(503)
          expect(JSON.parse(body)).toEqual({ status: 'unavailable', checks: { ...UP, database: 'down' } })
          expectNoSecrets(body)
          expect(body).not.toContain(String(port))
        }),
    )
  })

  test('waits no longer than 2 s for a database that does not answer', async () => {
    const sockets = new Set<net.Socket>()
    const silent = net.createServer((socket) => sockets.add(socket))
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const { port } = silent.address() as net.AddressInfo
    try {
      await withPart(
        () => ({ DATABASE_URL: `postgres://someone@127.0.0.1:${port}/none` }),
        async (app) => {
          vi.useFakeTimers({ toFake: ['setTimeout'] })
          onTestFinished(() => void vi.useRealTimers())
          const asked = ask(app)
          await vi.advanceTimersByTimeAsync(2_000)
          expect(await asked).toMatchObject({ status: 503, body: { checks: { database: 'down' } } })
          vi.useRealTimers()
          for (const socket of sockets) socket.destroy()
        },
      )
    } finally {
      silent.close()
    }
  })

  test.for(['STORAGE_DIR', 'THUMBS_DIR'])('is not ready while %s cannot be written', (variable) =>
    withPart(
      (env) => ({ [variable]: path.join(env.STORAGE_DIR ?? '', 'in', 'the', 'way') }),
      async (app) => {
        expect(await askUntil(app, 200)).toEqual({ status: 200, body: { status: 'ok', checks: UP, schema } })
        const { storageDir, thumbsDir } = app.config
        const directory = variable === 'STORAGE_DIR' ? storageDir : thumbsDir
        await rename(directory, `${directory}-elsewhere`)
        await writeFile(directory, 'a file where the directory was')
        // That it could be written is known for some seconds.
        expect(await askUntil(app, 503)).toEqual({
          status: 503,
          body: { status: 'unavailable', checks: { ...UP, storage: 'down' }, schema },
        })
        await rm(directory)
        await rename(`${directory}-elsewhere`, directory)
        await askUntil(app, 200)
      },
    ),
  )

  test('leaves no file behind', () =>
    withApp(EMBEDDED, async (app) => {
      await ask(app)
      const found = await readdir(app.config.storageDir, { recursive: true, withFileTypes: true })
      expect(found.filter((entry) => entry.isFile())).toEqual([])
    }))
})
