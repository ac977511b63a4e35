import { createReadStream } from 'node:fs'
import path from 'node:path'
import { uuidv7 } from 'uuidv7'
import { expect, test } from 'vitest'
import { openApp } from '../../../lib/app.ts'
import { readConfig } from '../../../lib/config/index.ts'
import { AppError } from '../../../lib/errors.ts'
import { endpoint } from '../../../lib/function.ts'
import { Bytes, problems } from '../../../lib/http/schemas/answers.ts'
import { insertPhoto, post, problemOf, withServer } from '../../functions/support.ts'
import { SETUPS, withApp, withEnvironment } from '../../support/app.ts'
import { freePort } from '../../support/service.ts'

const EMBEDDED = SETUPS[0]

const withUrl = (use: (url: string) => Promise<void>) => withApp(EMBEDDED, (app) => withServer(app, use))

const send = (url: string, body: string | FormData | URLSearchParams, headers: Record<string, string> = {}) =>
  fetch(url, { method: 'POST', headers, body })

test.for(['', ' ', '{"url":', "{'url':1}", '["a",]', 'undefined', '{"url":"a"}}', '\0', '['.repeat(100_000)])(
  '400 tells that %j is no JSON',
  (body) =>
    withUrl(async (url) => {
      const problem = await problemOf(await post(`${url}/photos`, body), 400)
      expect(problem).toMatchObject({ title: 'Bad Request', code: 'malformed-json' })
      expect(problem.errors).toBeUndefined()
    }),
)

test('an endpoint without a body takes none, whatever type it would have', () =>
  withApp(EMBEDDED, async (app) => {
    const uuid = await insertPhoto(app)
    await withServer(app, async (url) => {
      const headers = { 'content-type': 'application/json' }
      const sent = { method: 'DELETE', headers }
      await problemOf(await fetch(`${url}/photos/${uuid}`, { ...sent, body: '{' }), 400)
      expect((await fetch(`${url}/photos/${uuid}`, sent)).status).toBe(204)
      await problemOf(await send(`${url}/images/${uuid}/uploaded`, '', headers), 404)
    })
  }))

test.for([
  ['GET', '/nonsense'],
  ['GET', '/photos/a/b'],
  ['GET', '/api/v0/nonsense?a=b'],
  ['PUT', '/nonsense'],
] as const)('404 tells that there is nothing at %s %s', ([method, target]) =>
  withUrl(async (url) => {
    const problem = await problemOf(await fetch(url + target, { method }), 404)
    expect(problem).toMatchObject({ title: 'Not Found', code: 'not-found' })
    expect(problem.detail).not.toContain(target)
  }),
)

test('413 tells that a body of more than 4 MiB is too large', () =>
  withUrl(async (url) => {
    const body = (bytes: number) => JSON.stringify(['a'.repeat(bytes - 4)])
    const limit = 4 * 1024 * 1024
    const problem = await problemOf(await post(`${url}/photos/process`, body(limit + 1)), 413)
    expect(problem.code).toBe('body-too-large')
    expect((await post(`${url}/photos/process`, body(limit))).status).toBe(422)
  }))

test.for([
  'text/plain',
  'text/plain; charset=utf-8',
  'application/xml',
  'application/octet-stream',
  'nonsense',
])('415 tells that a body of type %s is not taken', (type) =>
  withUrl(async (url) => {
    const answer = await send(`${url}/photos`, '{"url":"https://example.com/a.jpg"}', {
      'content-type': type,
    })
    expect((await problemOf(answer, 415)).code).toBe('unsupported-media-type')
  }),
)

test('415 tells what to send instead of what curl does unless told', () =>
  withUrl(async (url) => {
    const form = new FormData()
    form.set('url', 'https://example.com/a.jpg')
    const ofCurl = new URLSearchParams({ url: 'https://example.com/a.jpg' })
    const json = /^Send the body as application\/json, with curl: -H 'content-type: application\/json'$/
    for (const body of [form, ofCurl])
      expect((await problemOf(await send(`${url}/photos`, body), 415)).detail).toMatch(json)
    for (const path of ['/upload', '/uploads'])
      for (const answer of [await send(`${url}${path}`, ofCurl), await post(`${url}${path}`, {})])
        expect((await problemOf(answer, 415)).detail).toMatch(/^Send the body as multipart\/form-data/)
  }))

test.for(['application/json', 'application/json; charset=utf-8', 'Application/JSON;charset=UTF-8'])(
  'a body of type %s is taken',
  (type) =>
    withUrl(async (url) => {
      const answer = await send(`${url}/photos`, '{"url":"https://example.com/a.jpg"}', {
        'content-type': type,
      })
      expect(answer.status).toBe(201)
    }),
)

test.for([
  ['/photos', { url: 7 }, '/url'],
  ['/photos', { urls: ['https://example.com/a', 7] }, '/urls/1'],
  ['/photos', { url: 'ftp://example.com/a' }, '/url'],
  ['/photos/process', { uuids: [uuidv7()], more: 1 }, '/more'],
  ['/photos/process', { uuids: [uuidv7()], force: 1 }, '/force'],
  ['/photos', { url: 'https://example.com/a', 'a/b~c': 1 }, '/a~1b~0c'],
] as const)('422 points (RFC 6901) at what is wrong in a body for %s %j', ([target, body, pointer]) =>
  withUrl(async (url) => {
    const problem = await problemOf(await post(url + target, body), 422)
    expect(problem.errors).toContainEqual({ pointer, detail: expect.any(String) })
  }),
)

const SECRET = 'select secret from photos where path = /tmp/secret.ts'

const FAULTS: [what: string, fault: () => unknown][] = [
  ['an error', () => new Error(SECRET)],
  ['an error with a status of its own', () => Object.assign(new Error(SECRET), { statusCode: 502 })],
  ['an error of the database', () => Object.assign(new Error(SECRET), { code: '42P01' })],
  ['a text', () => SECRET],
]

test.for(FAULTS)('500 tells nothing of %s that an endpoint throws', ([, fault]) =>
  withApp(EMBEDDED, (app) =>
    withServer(
      app,
      async (url) => {
        const problem = await problemOf(await fetch(`${url}/fault`), 500)
        expect(problem).toMatchObject({ title: 'Internal Server Error', code: 'internal-fault' })
        expect(JSON.stringify(problem)).not.toContain('secret')
      },
      [faulty(() => Promise.reject(fault()))],
    ),
  ),
)

test('500 tells nothing of a file that has gone when it is to be sent', () =>
  withApp(EMBEDDED, async (app) => {
    const gone = path.join(app.config.storageDir, 'secret')
    await withServer(
      app,
      async (url) => {
        const problem = await problemOf(await fetch(`${url}/fault`), 500)
        expect(JSON.stringify(problem)).not.toContain('secret')
      },
      [faulty(async () => createReadStream(gone))],
    )
  }))

test('a broken rule is told with its status, its code and its sentence', () =>
  withApp(EMBEDDED, (app) =>
    withServer(
      app,
      async (url) => {
        const answer = await fetch(`${url}/fault`)
        expect([answer.status, await answer.json()]).toEqual([
          409,
          {
            type: 'about:blank',
            title: 'Conflict',
            status: 409,
            detail: 'It is held',
            code: 'already-processing',
          },
        ])
      },
      [faulty(() => Promise.reject(new AppError('already-processing', 'It is held', { cause: SECRET })))],
    ),
  ))

function faulty(handle: () => Promise<unknown>) {
  const replies = { 200: Bytes, ...problems('already-processing') }
  return endpoint({
    method: 'GET',
    path: '/fault',
    access: 'read',
    summary: 'Fails',
    tag: 'test',
    replies,
    handle,
  })
}

test('503 with Retry-After tells of every endpoint that the database is away', () =>
  withEnvironment(EMBEDDED, async (env) => {
    const DATABASE_URL = `postgres://someone:secret@127.0.0.1:${await freePort()}/none`
    const app = await openApp(readConfig({ ...env, DATABASE_URL }))
    try {
      await withServer(app, async (url) => {
        const uuid = uuidv7()
        const answers = [
          await fetch(`${url}/photos`),
          await fetch(`${url}/photos/pending`),
          await fetch(`${url}/photos/${uuid}`),
          await fetch(`${url}/photos/${uuid}`, { method: 'DELETE' }),
          await post(`${url}/photos`, { url: 'https://example.com/a.jpg' }),
          await post(`${url}/photos/process`, [uuid]),
        ]
        for (const answer of answers) {
          expect.soft(Number(answer.headers.get('retry-after')), answer.url).toBeGreaterThan(0)
          expect((await problemOf(answer, 503)).code).toBe('database-unavailable')
        }
        expect((await post(`${url}/photos`, { url: 7 })).status).toBe(422)
      })
    } finally {
      await app.close()
    }
  }))
