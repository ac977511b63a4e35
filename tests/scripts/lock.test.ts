import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { type Environment, isAvailable, SETUPS, withEnvironment } from '../support/app.ts'
import { getJson, postJson, startScript, until } from '../support/service.ts'

const [EMBEDDED, SERVERS] = SETUPS

const directoryOf = (env: Environment) => path.dirname((env.DATABASE_URL ?? '').replace('sqlite:', ''))

const migrateApart = async (env: Environment) =>
  (
    await promisify(execFile)(process.execPath, ['scripts/run.mjs', 'serve/start', 'migrate'], {
      env: { PATH: process.env.PATH ?? '', ...env },
    })
  ).stdout.trim()

test('a second service with the in-process queue on the same data refuses to start, and names the first', () =>
  withEnvironment(EMBEDDED, async (env) => {
    const first = await startScript('start', env, /Try: curl/)
    const refused = await startScript('start', env, /Try: curl/).catch((error: Error) => error.message)
    expect(refused).toMatch(
      /Another service with the in-process queue uses .+photos\.db: process \d+, since 20\S+Z, on http:\/\/127\.0\.0\.1:\d+\. Stop it/,
    )
    expect(refused).toContain(`on ${first.url}.`)
    expect(await migrateApart(env)).toBe('nothing to apply')
    expect(await getJson(`${first.url}/health`)).toEqual({ status: 'ok' })

    // However the first one ends, the next one starts.
    await first.kill('SIGKILL')
    const second = await startScript('start', env, /Try: curl/)
    expect(await second.kill('SIGTERM')).toBe(0)
    expect(await readdir(directoryOf(env))).not.toContain('photos.db-service.json')
    const third = await startScript('start', env, /Try: curl/)
    await third.kill('SIGKILL')
  }))

test('services on other data start beside it', () =>
  withEnvironment(EMBEDDED, async (env) => {
    const first = await startScript('start', env, /Try: curl/)
    const other = { ...env, DATABASE_URL: `sqlite:${path.join(directoryOf(env), 'other.db')}` }
    const second = await startScript('start', other, /Try: curl/)
    await Promise.all([first, second].map((service) => service.kill('SIGKILL')))
  }))

test.skipIf(!isAvailable(SERVERS))('api and worker run apart on one SQLite file with RabbitMQ', () =>
  withEnvironment(SERVERS, (servers) =>
    withEnvironment(EMBEDDED, async (embedded) => {
      const { RABBITMQ_URL = '', QUEUE_NAME = '' } = servers
      const env = { ...embedded, RABBITMQ_URL, QUEUE_NAME }
      const services = [
        await startScript('api', env, /Try: curl/),
        await startScript('worker', env, /ready/),
        await startScript('relay', env, /ready/),
      ]
      const url = services[0]?.url ?? ''
      const photo = await postJson<{ uuid: string }>(`${url}/photos`, { url: 'http://127.0.0.1:1/a.jpg' })
      await postJson(`${url}/photos/process`, [photo.uuid])
      const timeline = () => getJson<{ timeline: { type: string }[] }>(`${url}/photos/${photo.uuid}`)
      await until(async () => (await timeline()).timeline.some(({ type }) => type === 'image.processing'))
      await Promise.all(services.map((service) => service.kill('SIGKILL')))
    }),
  ),
)
