import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import type { App } from '../../../lib/app.ts'
import { nowPlus } from '../../../lib/db/port.ts'
import { Answer } from '../../../lib/function.ts'
import { answerOnce, deleteOldAnswers } from '../../../lib/http/idempotency.ts'
import type { ProblemBody } from '../../../lib/http/problem.ts'
import { eventsOf, insertPhoto, withServer } from '../../functions/support.ts'
import { isAvailable, SETUPS, withApp, withEnvironment } from '../../support/app.ts'
import { startScript } from '../../support/service.ts'

const run = promisify(execFile)

const URL_A = 'https://example.com/a.jpg'

/** Posts with a key; returns all that a client sees. */
async function post(url: string, body: unknown, key: string) {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify(body),
  })
  const replayed = answer.headers.get('idempotency-replayed')
  const text = await answer.text()
  const { code } = JSON.parse(text) as Partial<ProblemBody>
  return { status: answer.status, location: answer.headers.get('location'), text, code, replayed }
}

const countPhotos = async ({ db }: App) => (await db.selectFrom('photos').select('uuid').execute()).length

describe.for(SETUPS)('Idempotency-Key on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('every POST that creates work gives the first answer again, and does the work once', () =>
    withApp(setup, (app) =>
      withServer(app, async (url) => {
        const uuid = await insertPhoto(app)
        const requests: [path: string, body: unknown, status: number][] = [
          ['/photos', { url: URL_A }, 201],
          ['/photos', { urls: [URL_A, URL_A] }, 201],
          ['/photos/process', [uuid], 202],
          ['/images', { filename: 'a.jpg', project_id: 1 }, 201],
          ['/api/v1/images/process', { imageUrl: URL_A, transformations: [] }, 202],
          ['/v1/images', { url: URL_A }, 202],
          ['/v1/images/batch', { urls: [URL_A, 'nonsense'] }, 202],
          ['/photos/reprocess', { filter: { door: 'photos' } }, 202],
        ]
        for (const [index, [path, body, status]] of requests.entries()) {
          const key = `key-${index}`
          const first = await post(`${url}${path}`, body, key)
          expect([first.status, first.replayed]).toEqual([status, null])
          const [photos, queued] = [await countPhotos(app), (await eventsOf(app, 'image.queued')).length]
          const again = await post(`${url}${path}`, body, key)
          expect(again).toEqual({ ...first, replayed: 'true' })
          expect([await countPhotos(app), (await eventsOf(app, 'image.queued')).length]).toEqual([
            photos,
            queued,
          ])
        }
      }),
    ),
  )

  on('the same key with another body is 422; on another path, or without one, it is another request', () =>
    withApp(setup, (app) =>
      withServer(app, async (url) => {
        expect((await post(`${url}/photos`, { url: URL_A }, 'k')).status).toBe(201)
        const other = await post(`${url}/photos`, { url: `${URL_A}?2` }, 'k')
        expect([other.status, other.code]).toEqual([422, 'idempotency-key-reused'])
        expect((await post(`${url}/v1/images`, { url: URL_A }, 'k')).status).toBe(202)
        expect(await countPhotos(app)).toBe(2)
      }),
    ),
  )

  on('of requests with one key at once one does the work; the others get 409 or its answer', () =>
    withApp(setup, (app) =>
      withServer(app, async (url) => {
        const answers = await Promise.all(
          Array.from({ length: 16 }, () => post(`${url}/photos`, { url: URL_A }, 'same')),
        )
        expect(answers.filter(({ status, replayed }) => status === 201 && replayed === null)).toHaveLength(1)
        const others = answers.filter(({ status, replayed }) => status !== 201 || replayed !== null)
        for (const { status, code, replayed } of others)
          expect(status === 409 ? code : replayed).toBe(status === 409 ? 'idempotency-key-in-use' : 'true')
        expect(await countPhotos(app)).toBe(1)
      }),
    ),
  )

  on('while the first request still runs, another gets 409', () =>
    withApp(setup, async (app) => {
      const [begun, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      const request = { route: 'POST /photos', key: 'k', body: {} }
      const first = answerOnce(app, request, async () => {
        begun.resolve()
        await ended.promise
        return new Answer(201, { first: true })
      })
      await begun.promise
      const second = answerOnce(app, request, async () => new Answer(201, { first: false }))
      await expect(second).rejects.toMatchObject({ code: 'idempotency-key-in-use', status: 409 })
      ended.resolve()
      expect((await first).body).toEqual({ first: true })
      const third = await answerOnce(app, request, async () => new Answer(201, { first: false }))
      expect(third.body).toEqual({ first: true })
    }),
  )

  on('what is refused is not kept: once mended elsewhere, the same request is done', () =>
    withApp(setup, (app) =>
      withServer(app, async (url) => {
        const refused = await post(`${url}/photos`, { url: 'nonsense' }, 'k')
        expect(refused.status).toBe(422)
        expect((await post(`${url}/photos`, { url: URL_A }, 'k')).status).toBe(201)
      }),
    ),
  )

  on('an answer is kept for a day', () =>
    withApp(setup, (app) =>
      withServer(app, async (url) => {
        const age = (hours: number) =>
          app.db
            .updateTable('idempotency_keys')
            .set({ created_at: nowPlus(-hours * 3_600_000) })
            .execute()
        const first = await post(`${url}/photos`, { url: URL_A }, 'k')
        await age(23)
        expect(await deleteOldAnswers(app)).toBe(0)
        expect((await post(`${url}/photos`, { url: URL_A }, 'k')).text).toBe(first.text)
        await age(25)
        const second = await post(`${url}/photos`, { url: `${URL_A}?2` }, 'k')
        expect([second.status, second.replayed]).toEqual([201, null])
        await age(25)
        expect(await deleteOldAnswers(app)).toBe(1)
      }),
    ),
  )

  on(
    'a process that dies right after the commit leaves the work and its answer, and the relay the message',
    () =>
      withEnvironment(setup, async (env) => {
        const options = { env: { PATH: process.env.PATH, ...env } }
        const died = await run(process.execPath, ['tests/support/dying-api.ts', 'k', URL_A], options).catch(
          (error: { signal: string }) => error,
        )
        expect(died).toMatchObject({ signal: 'SIGKILL' })
        const service = await startScript('start', env, /Try: curl/)
        const again = await post(`${service.url}/v1/images`, { url: URL_A }, 'k')
        expect([again.status, again.replayed]).toEqual([202, 'true'])
        const { items } = (await (await fetch(`${service.url}/v1/images`)).json()) as {
          items: { id: string }[]
        }
        expect(items.map(({ id }) => id)).toEqual([(JSON.parse(again.text) as { id: string }).id])
        await service.kill('SIGTERM')
      }),
  )
})

test.each(['', 'a'.repeat(256), 'with space', 'schlüssel'])('refuses the key %j, naming the header', (key) =>
  withApp(SETUPS[0], (app) =>
    withServer(app, async (url) => {
      const answer = await post(`${url}/photos`, { url: URL_A }, key)
      expect(answer.status).toBe(422)
      expect(JSON.parse(answer.text)).toMatchObject({ errors: [{ pointer: '/headers/idempotency-key' }] })
      expect(await countPhotos(app)).toBe(0)
    }),
  ),
)

test.skipIf(!isAvailable(SETUPS[1]))('409 also when the first request runs in another process', () =>
  withApp(SETUPS[1], (app) =>
    withServer(app, async (url) => {
      await app.db.transaction().execute(async (tx) => {
        await sql`select pg_advisory_xact_lock(hashtextextended('POST /photos k', 0))`.execute(tx)
        const answer = await post(`${url}/photos`, { url: URL_A }, 'k')
        expect([answer.status, answer.code]).toEqual([409, 'idempotency-key-in-use'])
      })
      expect((await post(`${url}/photos`, { url: URL_A }, 'k')).status).toBe(201)
    }),
  ),
)
