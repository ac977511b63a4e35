import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, inject, test } from 'vitest'
import { type Environment, isAvailable, SETUPS, withEnvironment } from '../support/app.ts'
import { jpeg, sample } from '../support/images.ts'
import { openProxy } from '../support/proxy.ts'
import { DEADLINE_MS, freePort, getJson, postJson, startScript, until } from '../support/service.ts'
import { bytes, openSourceServer } from '../support/source-server.ts'
import { addressOf, through } from './support.ts'

const [EMBEDDED, SERVERS] = SETUPS
const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** An environment in which nothing answers: no database, no broker, and a file where the storage should be. */
const withNothing = (use: (env: Environment & { HEALTH_PORT: string }) => Promise<void>) =>
  withEnvironment(EMBEDDED, async (env) => {
    const inTheWay = `${env.STORAGE_DIR}-in-the-way`
    await writeFile(inTheWay, '')
    await use({
      ...env,
      LOG_LEVEL: 'info',
      DATABASE_URL: `postgres://nobody@127.0.0.1:${await freePort()}/none`,
      RABBITMQ_URL: `amqp://guest:guest@127.0.0.1:${await freePort()}`,
      STORAGE_DIR: `${inTheWay}/files`,
      HEALTH_PORT: String(await freePort()),
    })
  })

const AWAY = /database not reachable/

test.for(['start', 'api', 'worker', 'relay'])(
  'npm run %s with nothing up listens, is alive and not ready, and stops at SIGTERM',
  (script) =>
    withNothing(async (env) => {
      const service = await startScript(script, env, AWAY)
      let code: number | null
      try {
        const urls = [`http://127.0.0.1:${env.HEALTH_PORT}`]
        if (script === 'start' || script === 'api') {
          await until(() => /Try: curl/.test(service.output()), DEADLINE_MS, service.output)
          urls.push(service.url)
        }
        for (const url of urls) {
          await until(() => answers(url), DEADLINE_MS, service.output)
          for (const path of ['/livez', '/healthz'])
            expect((await fetch(`${url}${path}`)).status, path).toBe(200)
          const ready = await fetch(`${url}/readyz`)
          expect([ready.status, await ready.json()]).toMatchObject([
            503,
            { status: 'unavailable', checks: { database: 'down', storage: 'down', queue: 'down' } },
          ])
        }
        if (urls.length > 1) {
          const answer = await fetch(`${service.url}/photos/pending`)
          expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '2'])
          expect((await fetch(`${service.url}/`)).status).toBe(200)
        }
      } finally {
        code = await service.kill('SIGTERM')
      }
      expect([code, service.output()]).toEqual([0, expect.not.stringContaining(' ready')])
    }),
)

const answers = (url: string) =>
  fetch(`${url}/livez`).then(
    ({ ok }) => ok,
    () => false,
  )

test('npm run migrate waits for its database, and stops at SIGTERM', () =>
  withNothing(async (env) => {
    const service = await startScript('migrate', env, AWAY)
    expect(await service.kill('SIGTERM')).toBe(0)
  }))

test.skipIf(!isAvailable(SERVERS))(
  'a service that was started before its database and broker does its work when they come',
  () =>
    withEnvironment(SERVERS, async (given) => {
      const database = await openProxy(addressOf(inject('postgresUrl') ?? '', 5432))
      const broker = await openProxy(addressOf(inject('rabbitmqUrl') ?? '', 5672))
      await Promise.all([database.cut(), broker.cut()])
      const env = {
        ...given,
        LOG_LEVEL: 'info',
        DATABASE_URL: through(given.DATABASE_URL ?? '', database.port),
        RABBITMQ_URL: through(given.RABBITMQ_URL ?? '', broker.port),
      }
      const source = await openSourceServer({ '/photo.jpg': bytes(await jpeg(sample(32, 32))) })
      const service = await startScript('start', env, /Try: curl/)
      try {
        expect((await fetch(`${service.url}/photos/pending`)).status).toBe(503)
        await database.restore()
        // The broker stays away: what requests need is there.
        await until(async () => (await fetch(`${service.url}/readyz`)).ok, DEADLINE_MS, service.output)
        const { schema, status } = await getJson<{ schema: object; status: string }>(`${service.url}/readyz`)
        expect([status, schema]).toEqual([
          'degraded',
          { version: expect.stringMatching(/^\d{4}_\w+$/), missing: 0 },
        ])
        const url = `${source.url}/photo.jpg`
        const { id } = await postJson<{ id: string }>(`${service.url}/v1/images`, { url })
        await broker.restore()
        const photo = () => getJson<{ status: string }>(`${service.url}/photos/${id}`)
        await until(async () => (await photo()).status === 'completed', DEADLINE_MS, photo)
        expect((await fetch(`${service.url}/livez`)).status).toBe(200)
      } finally {
        expect(await service.kill('SIGTERM')).toBe(0)
        await Promise.all([database.close(), broker.close(), source.close()])
      }
    }),
)

test.skipIf(process.getuid?.() !== 0)('a worker that waits as process 1 stops at SIGTERM', () =>
  withNothing(async (env) => {
    const child = spawn(
      'unshare',
      ['--pid', '--fork', '--kill-child', process.execPath, 'scripts/run.mjs', 'serve/start', 'worker'],
      { cwd: ROOT, env: { PATH: process.env.PATH, ...env }, stdio: ['ignore', 'pipe', 'inherit'] },
    )
    const exit = once(child, 'exit')
    let output = ''
    child.stdout.on('data', (data) => (output += String(data)))
    try {
      await until(
        () => AWAY.test(output),
        DEADLINE_MS,
        () => output,
      )
      const inner = Number(await readFile(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8'))
      process.kill(inner, 'SIGTERM')
      expect(await Promise.race([exit, delay(DEADLINE_MS, 'still there', { ref: false })])).toEqual([0, null])
    } finally {
      child.kill('SIGKILL')
    }
  }),
)
