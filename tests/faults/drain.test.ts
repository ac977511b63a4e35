import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { type Environment, isAvailable, SETUPS, withEnvironment } from '../support/app.ts'
import { jpeg, sample } from '../support/images.ts'
import { freePort, getJson, postJson, type Service, startCommand, until } from '../support/service.ts'
import { bytes, openSourceServer } from '../support/source-server.ts'

const [EMBEDDED, SERVERS] = SETUPS

type Photo = { uuid: string; status: string; timeline: { type: string }[] }

/** Without npm, which passes on a signal that its group has received too. */
const start = (role: string, env: Environment) =>
  startCommand(
    [process.execPath, 'scripts/run.mjs', 'serve/start', role],
    env,
    role === 'worker' ? /ready/ : /Try: curl/,
  )

const withService = (more: Environment, use: (service: Service, env: Environment) => Promise<void>) =>
  withEnvironment(EMBEDDED, async (env) => {
    const service = await start('all', { ...env, LOG_LEVEL: 'info', ...more })
    try {
      await use(service, env)
    } finally {
      await service.kill('SIGKILL')
    }
  })

/** Tells a service to stop; resolves when it has begun to, with how it ends. */
async function stop(service: Service): Promise<{ exit: Promise<number | null> }> {
  const exit = service.kill('SIGTERM')
  await until(() => service.output().includes('"stopping"'))
  return { exit }
}

const isRefused = (url: string) =>
  fetch(url, { headers: { connection: 'close' } }).then(
    () => false,
    (error: Error) => (error.cause as NodeJS.ErrnoException).code === 'ECONNREFUSED',
  )

/** An upload of a form with one file, whose first half has been sent. */
async function beginUpload(url: string, file: Uint8Array) {
  const boundary = randomUUID()
  const head = `--${boundary}\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n`
  const body = Buffer.concat([Buffer.from(head), file, Buffer.from(`\r\n--${boundary}--\r\n`)])
  const request = http.request(`${url}/upload`, {
    method: 'POST',
    agent: false,
    headers: {
      'content-type': `multipart/form-data; boundary=${boundary}`,
      'content-length': body.length,
      connection: 'keep-alive',
    },
  })
  const answered = once(request, 'response').then(async ([response]: http.IncomingMessage[]) => ({
    status: response?.statusCode,
    connection: response?.headers.connection,
    body: await text(response as http.IncomingMessage),
  }))
  answered.catch(() => {})
  const half = Math.floor(body.length / 2)
  await new Promise((resolve) => request.write(body.subarray(0, half), resolve))
  return { answered, finish: () => void request.end(body.subarray(half)) }
}

describe('SIGTERM', () => {
  test('is not ready at once, serves for DRAIN_MS, and tells clients to leave', () =>
    withService({ DRAIN_MS: '3600000' }, async (service) => {
      const before = await fetch(`${service.url}/photos`)
      expect(before.headers.get('connection')).not.toBe('close')
      const { exit } = await stop(service)
      const ready = await fetch(`${service.url}/readyz`)
      expect([ready.status, await ready.json()]).toMatchObject([
        503,
        { status: 'stopping', checks: expect.objectContaining({ database: 'up', storage: 'up' }) },
      ])
      for (const path of ['/photos', '/healthz', '/no-such-path']) {
        const answer = await fetch(`${service.url}${path}`)
        expect([answer.status < 500, answer.headers.get('connection')]).toEqual([true, 'close'])
        await answer.arrayBuffer()
      }
      // What comes within a second is what npm passes on; the first one after that ends the process.
      let code: number | null | undefined
      exit.then((ended) => (code = ended))
      await until(() => {
        if (code === undefined) service.kill('SIGTERM')
        return code !== undefined
      })
      expect(code).toBe(1)
      expect(service.output()).toContain('stopped at once')
    }))

  test('stops listening when DRAIN_MS is over, and ends with exit code 0', () =>
    withService({ DRAIN_MS: '1500' }, async (service) => {
      const start = performance.now()
      const { exit } = await stop(service)
      await until(() => isRefused(`${service.url}/healthz`))
      expect(performance.now() - start).toBeGreaterThan(1_500)
      expect(await exit).toBe(0)
      expect(service.output()).toMatch(/"stopped"/)
    }))

  test('lets uploads that run finish, while nothing new is accepted', () =>
    withService({}, async (service) => {
      const file = await jpeg(sample(1600, 1200))
      const uploads = await Promise.all(Array.from({ length: 20 }, () => beginUpload(service.url, file)))
      await until(
        async () =>
          (await getJson<{ items: unknown[] }>(`${service.url}/photos?limit=1000`)).items.length === 20,
      )
      const { exit } = await stop(service)
      await until(() => isRefused(`${service.url}/healthz`))
      for (const upload of uploads) upload.finish()
      for (const { answered } of uploads) {
        const { status, connection, body } = await answered
        expect([status, connection]).toEqual([202, 'close'])
        expect(JSON.parse(body)).toEqual({ results: [{ uuid: expect.any(String), name: 'a.jpg' }] })
      }
      expect(await exit).toBe(0)
      expect(service.output()).toMatch(/"stopped"/)
    }))

  test('resets no connection, of those that send one request after the other', () =>
    withService({}, async (service) => {
      const agent = new http.Agent({ keepAlive: true })
      const failures: (string | undefined)[] = []
      let answers = 0
      const ask = () =>
        new Promise<void>((resolve, reject) => {
          const request = http.get(`${service.url}/photos`, { agent }, (response) => {
            response.on('error', reject).on('end', resolve).resume()
          })
          request.on('error', reject)
        })
      const client = async () => {
        for (;;) {
          try {
            await ask()
            answers++
          } catch (error) {
            failures.push((error as NodeJS.ErrnoException).code)
            return
          }
        }
      }
      const clients = Promise.all(Array.from({ length: 300 }, client))
      await until(() => answers > 600)
      const exit = service.kill('SIGTERM')
      await clients
      expect(failures.filter((code) => code !== 'ECONNREFUSED')).toEqual([])
      expect(await exit).toBe(0)
      agent.destroy()
    }))

  test('ends what never finishes after 30 s, with exit code 0', () =>
    withService({}, async (service) => {
      const upload = await beginUpload(service.url, await jpeg(sample(1600, 1200)))
      const start = performance.now()
      const { exit } = await stop(service)
      expect(await exit).toBe(0)
      expect(performance.now() - start).toBeGreaterThan(29_000)
      expect(service.output()).toContain('stopped before all was finished')
      await expect(upload.answered).rejects.toThrow()
    }))

  test('closes sockets with 1001, ends event streams, and connections without a request', () =>
    withService({}, async (service) => {
      const socket = new WebSocket(`${service.url.replace('http', 'ws')}/ws`)
      const closed = once(socket, 'close') as Promise<[CloseEvent]>
      await once(socket, 'open')
      const stream = await fetch(`${service.url}/projects/1/events`)
      expect([stream.status, stream.headers.get('content-type')]).toEqual([200, 'text/event-stream'])
      const read = stream.text()
      // As browsers open one for later.
      const unused = net.connect(Number(new URL(service.url).port), '127.0.0.1')
      await once(unused, 'connect')
      const { exit } = await stop(service)
      const [{ code, reason }] = await closed
      expect([code, reason]).toEqual([1001, 'The service is stopping'])
      expect(await read).toContain(': connected')
      expect(await exit).toBe(0)
      expect(service.output()).toMatch(/"stopped"/)
    }))
})

test.skipIf(!isAvailable(SERVERS))(
  'a worker finishes what it holds, takes nothing more, and is not ready',
  () =>
    withEnvironment(SERVERS, async (given) => {
      const env = { ...given, LOG_LEVEL: 'info', LEASE_MS: '60000', PREFETCH: '1' }
      const photo = bytes(await jpeg(sample(640, 480)))
      const asked = Promise.withResolvers<void>()
      const go = Promise.withResolvers<void>()
      const source = await openSourceServer({
        '/slow.jpg': (request, response) => {
          asked.resolve()
          go.promise.then(() => photo(request, response))
        },
        '/next.jpg': photo,
      })
      const port = await freePort()
      const api = await start('api', env)
      const worker = await start('worker', { ...env, METRICS_PORT: String(port) })
      const add = async (path: string) => {
        const [one] = await postJson<Photo[]>(`${api.url}/photos`, { urls: [`${source.url}${path}`] })
        await postJson(`${api.url}/photos/process`, [one?.uuid])
        return `${api.url}/photos/${one?.uuid}`
      }
      const slow = await add('/slow.jpg')
      await asked.promise
      const { exit } = await stop(worker)
      const next = await add('/next.jpg')
      const ready = await fetch(`http://127.0.0.1:${port}/readyz`)
      expect([ready.status, await ready.json()]).toMatchObject([503, { status: 'stopping' }])
      go.resolve()
      expect(await exit).toBe(0)
      expect(await getJson<Photo>(slow)).toMatchObject({ status: 'completed' })
      expect((await getJson<Photo>(next)).timeline.map(({ type }) => type)).toEqual([
        'image.created',
        'image.queued',
      ])
      expect(await api.kill('SIGTERM')).toBe(0)
      await source.close()
    }),
)
