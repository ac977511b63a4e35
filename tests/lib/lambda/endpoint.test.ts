import { existsSync } from 'node:fs'
import type { APIGatewayProxyEventV2, Context } from 'aws-lambda'
import { uuidv7 } from 'uuidv7'
import { describe, expect, test, vi } from 'vitest'
import type { HttpHandler } from '../../../lib/lambda/endpoint.ts'
import { originalKey, renditionKey } from '../../../lib/storage/port.ts'
import { at, eventsOf, expectNoSecrets, insertPhoto, readEvent, withLambda } from '../../functions/support.ts'
import { isAvailable, SETUPS } from '../../support/app.ts'
import { jpeg, sample } from '../../support/images.ts'
import { freePort, until } from '../../support/service.ts'

const EMBEDDED = SETUPS[0]

/** What API Gateway gets for the sample event of that name, changed as told. */
async function answer(handler: HttpHandler, name: string, change: Partial<APIGatewayProxyEventV2> = {}) {
  const event = await readEvent<APIGatewayProxyEventV2>(name)
  const {
    statusCode,
    headers = {},
    body = '',
    isBase64Encoded,
  } = await handler({ ...event, ...change }, { awsRequestId: 'test' } as Context)
  for (const [header, value] of Object.entries(headers)) expect.soft(value, header).toBeTypeOf('string')
  return { statusCode, headers, body, isBase64Encoded }
}

const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64')

const withMethod = async (name: string, method: string): Promise<Partial<APIGatewayProxyEventV2>> => {
  const { requestContext } = await readEvent<APIGatewayProxyEventV2>(name)
  return { requestContext: { ...requestContext, http: { ...requestContext.http, method } } }
}

describe.for(SETUPS)('an endpoint in Lambda on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('takes the query as it was sent, a comma and a plus in a value included', () =>
    withLambda(setup, async (app) => {
      const uuid = await insertPhoto(app, { name: 'a,b', created_at: at(2) })
      await insertPhoto(app, { name: 'a,b', created_at: at(3) })
      await insertPhoto(app, { name: 'a', created_at: at(1) })
      const { handler } = await import('../../../functions/photos/list.ts')
      const { statusCode, headers, body, isBase64Encoded } = await answer(handler, 'get-photos')
      expect([statusCode, headers['content-type'], isBase64Encoded]).toEqual([
        200,
        'application/json; charset=utf-8',
        false,
      ])
      expect(JSON.parse(body)).toMatchObject({ items: [{ uuid, name: 'a,b' }], next: null })
      expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' })
    }),
  )

  on('takes a body in base64, and has published when it answers', () =>
    withLambda(setup, async (app) => {
      const uuid = await insertPhoto(app)
      const { handler } = await import('../../../functions/photos/request-processing.ts')
      await answer(handler, 'post-process')
      const { statusCode, body } = await answer(handler, 'post-process', { body: base64([uuid]) })
      expect([statusCode, JSON.parse(body)]).toEqual([202, { accepted: [uuid], rejected: [] }])
      expect(await eventsOf(app, 'image.queued')).toMatchObject([
        { photo_uuid: uuid, published_at: expect.any(String) },
      ])
      if (!setup.servers) return
      const bodies: string[] = []
      const consumer = await app.queue.consume('work', 1, async (delivery) => {
        bodies.push(Buffer.from(delivery.body).toString())
      })
      await until(() => bodies.length > 0)
      await consumer.stop()
      expect(bodies).toEqual([`{"photo_uuid":"${uuid}"}`])
    }),
  )

  on('takes the parts of a path, and tells problems as everywhere', () =>
    withLambda(setup, async (app) => {
      const uuid = await insertPhoto(app)
      const { handler } = await import('../../../functions/photos/show.ts')
      const found = await answer(handler, 'get-photo', {
        rawPath: `/photos/${uuid}`,
        pathParameters: { uuid },
      })
      expect([found.statusCode, JSON.parse(found.body)]).toMatchObject([200, { uuid, status: 'pending' }])
      const unknown = await answer(handler, 'get-photo')
      expect(unknown).toMatchObject({
        statusCode: 404,
        headers: { 'content-type': expect.stringMatching(/^application\/problem\+json/) },
      })
      expect(JSON.parse(unknown.body)).toMatchObject({ status: 404, code: 'not-found' })
    }),
  )

  on('a photo is waited for, though a function hears of no events', () =>
    withLambda(setup, async (app) => {
      const uuid = await insertPhoto(app)
      const { handler } = await import('../../../functions/photos/show.ts')
      const query = { rawQueryString: 'wait=30', queryStringParameters: { wait: '30' } }
      const waiting = answer(handler, 'get-photo', {
        rawPath: `/photos/${uuid}`,
        pathParameters: { uuid },
        ...query,
      })
      await app.db.updateTable('photos').set({ status: 'completed' }).execute()
      expect(JSON.parse((await waiting).body)).toMatchObject({ uuid, status: 'completed' })
    }),
  )

  on('a job is submitted, and shown by its id', () =>
    withLambda(setup, async (app) => {
      const { handler: submit } = await import('../../../functions/jobs/submit.ts')
      const { 'content-length': _, ...headers } = (await readEvent<APIGatewayProxyEventV2>('post-process'))
        .headers
      const sent = { rawPath: '/api/v1/images/process', headers }
      const job = { imageUrl: 'https://example.com/a.jpg', transformations: ['fit:10x10'] }
      const submitted = await answer(submit, 'post-process', { ...sent, body: base64(job) })
      const { jobId } = JSON.parse(submitted.body)
      expect([submitted.statusCode, submitted.headers.location]).toEqual([
        202,
        `${app.config.publicUrl}/api/v1/images/jobs/${jobId}`,
      ])
      expect(await eventsOf(app, 'image.queued')).toMatchObject([
        { photo_uuid: jobId, published_at: expect.any(String) },
      ])
      const refused = await answer(submit, 'post-process', {
        ...sent,
        body: base64({ ...job, transformations: ['grayscale', 'resize:0x10'] }),
      })
      expect([refused.statusCode, JSON.parse(refused.body).errors[0].pointer]).toEqual([
        422,
        '/transformations/1',
      ])
      const { handler: show } = await import('../../../functions/jobs/show.ts')
      const showJob = (id: string) =>
        answer(show, 'get-photo', { rawPath: `/api/v1/images/jobs/${id}`, pathParameters: { jobId: id } })
      expect(JSON.parse((await showJob(jobId)).body)).toEqual({
        jobId,
        status: 'PENDING',
        resultUrl: null,
        errorMessage: null,
      })
      const unknown = await showJob(uuidv7())
      expect([unknown.statusCode, JSON.parse(unknown.body).detail]).toEqual([404, 'Job not found'])
    }),
  )
})

test('an endpoint in Lambda takes text as a body, too, and refuses what it refuses over HTTP', () =>
  withLambda(EMBEDDED, async () => {
    const { handler } = await import('../../../functions/photos/request-processing.ts')
    const uuid = uuidv7()
    const bodies: [body: string, isBase64Encoded: boolean, status: number][] = [
      [JSON.stringify([uuid]), false, 202],
      [base64([]), true, 422],
      [base64(['nonsense']), true, 422],
      [Buffer.from('[').toString('base64'), true, 400],
      [JSON.stringify([uuid]), true, 400],
    ]
    for (const [body, isBase64Encoded, status] of bodies) {
      const { 'content-length': _, ...headers } = (await readEvent<APIGatewayProxyEventV2>('post-process'))
        .headers
      const refusal = await answer(handler, 'post-process', { body, isBase64Encoded, headers })
      expect.soft(refusal.statusCode, body).toBe(status)
      expectNoSecrets(refusal.body)
    }
  }))

test('an endpoint in Lambda answers 404 for a route that is not its own', () =>
  withLambda(EMBEDDED, async () => {
    const { handler } = await import('../../../functions/health/health.ts')
    for (const change of [{}, { rawPath: '/photos' }, { rawPath: '/docs' }, { rawPath: '/openapi.json' }]) {
      const { statusCode, headers, body } = await answer(handler, 'get-nonsense', change)
      expect.soft(statusCode).toBe(404)
      expect.soft(headers['content-type']).toMatch(/^application\/problem\+json/)
      expect.soft(JSON.parse(body)).toMatchObject({ code: 'not-found' })
    }
    expect((await answer(handler, 'get-nonsense', { rawPath: '/health/' })).statusCode).toBe(200)
  }))

test('an endpoint in Lambda knows its own method and parameters, and refuses others', () =>
  withLambda(EMBEDDED, async (app) => {
    await insertPhoto(app)
    const { handler } = await import('../../../functions/photos/list.ts')
    const path = '/photos'
    const sent = async (method: string, rawQueryString: string) => {
      const { statusCode, headers, body } = await answer(handler, 'get-photos', {
        ...(await withMethod('get-photos', method)),
        rawPath: path,
        rawQueryString,
        queryStringParameters: Object.fromEntries(new URLSearchParams(rawQueryString)),
      })
      return { statusCode, allow: headers.allow, link: headers.link, body }
    }
    expect(await sent('GET', 'limit=1')).toMatchObject({ statusCode: 200 })
    expect(await sent('HEAD', 'limit=1')).toMatchObject({ statusCode: 200, body: '' })
    const refused = await sent('GET', 'limits=1')
    expect([refused.statusCode, JSON.parse(refused.body).errors]).toEqual([
      422,
      [
        {
          pointer: '/query/limits',
          detail: expect.stringMatching(/^is not known here; this address takes status, .*limit, after$/),
        },
      ],
    ])
    for (const method of ['PUT', 'PATCH', 'DELETE'])
      expect(await sent(method, '')).toMatchObject({ statusCode: 405, allow: 'GET, HEAD, OPTIONS' })
    expect(await sent('OPTIONS', '')).toMatchObject({
      statusCode: 204,
      allow: 'GET, HEAD, OPTIONS',
      body: '',
    })
  }))

test('an endpoint in Lambda refuses events of another kind', () =>
  withLambda(EMBEDDED, async () => {
    const { handler } = await import('../../../functions/health/health.ts')
    for (const name of ['amazon-mq', 'sqs', 'scheduled']) {
      const refused = expect(answer(handler, name)).rejects
      await refused.toBeInstanceOf(TypeError)
      await refused.toThrow(/API Gateway HTTP API/)
    }
  }))

test('a file comes in base64, byte for byte, with its headers', () =>
  withLambda(EMBEDDED, async (app) => {
    const { handler } = await import('../../../functions/files/show-file.ts')
    const image = await jpeg(sample(200, 150))
    const { rawPath } = await readEvent<APIGatewayProxyEventV2>('get-file')
    await app.storage.put(renditionKey(rawPath.replace('/files/', '')), image)
    const found = await answer(handler, 'get-file')
    expect(found).toMatchObject({
      statusCode: 200,
      isBase64Encoded: true,
      headers: { 'content-type': 'image/jpeg', 'content-length': String(image.length) },
    })
    expect(Buffer.from(found.body, 'base64').equals(image)).toBe(true)
    const { headers } = await readEvent<APIGatewayProxyEventV2>('get-file')
    const part = await answer(handler, 'get-file', { headers: { ...headers, range: 'bytes=10-19' } })
    expect(part).toMatchObject({ statusCode: 206, isBase64Encoded: true })
    expect(Buffer.from(part.body, 'base64').equals(image.subarray(10, 20))).toBe(true)
    const etag = String(found.headers.etag)
    const known = await answer(handler, 'get-file', { headers: { ...headers, 'if-none-match': etag } })
    expect([known.statusCode, known.body]).toEqual([304, ''])
    const head = await answer(handler, 'get-file', await withMethod('get-file', 'HEAD'))
    expect([head.statusCode, head.body]).toEqual([200, ''])
  }))

test('an original and every format of a rendition come byte for byte', () =>
  withLambda(EMBEDDED, async (app) => {
    const { handler } = await import('../../../functions/files/show-file.ts')
    const every = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
    for (const key of [
      originalKey(uuidv7()),
      renditionKey('a/a.png'),
      renditionKey('a/a.webp'),
      renditionKey('a/a'),
    ]) {
      await app.storage.put(key, every)
      const rawPath = `/files/${key.replace('thumbs/', '')}`
      const { statusCode, body, isBase64Encoded } = await answer(handler, 'get-file', { rawPath })
      expect.soft([statusCode, isBase64Encoded], key).toEqual([200, true])
      expect.soft(Buffer.from(body, 'base64').equals(every), key).toBe(true)
    }
  }))

test('an endpoint in Lambda answers 503 while the database is away', async () => {
  const DATABASE_URL = `postgres://someone@127.0.0.1:${await freePort()}/none`
  await withLambda(
    EMBEDDED,
    async () => {
      const { handler } = await import('../../../functions/photos/list-pending.ts')
      const { statusCode, headers, body } = await answer(handler, 'get-nonsense', {
        rawPath: '/photos/pending',
      })
      expect([statusCode, JSON.parse(body).code]).toEqual([503, 'database-unavailable'])
      expect(Number(headers['retry-after'])).toBeGreaterThan(0)
      expectNoSecrets(body)
    },
    { DATABASE_URL },
  )
})

test('a handler opens nothing before its first event, and tries again when that failed', () =>
  withLambda(EMBEDDED, async (app) => {
    const file = `${app.config.storageDir}-other.db`
    vi.stubEnv('DATABASE_URL', `sqlite:${file}`)
    vi.stubEnv('MAX_ATTEMPTS', 'many')
    const { handler } = await import('../../../functions/health/health.ts')
    expect(existsSync(file)).toBe(false)
    const ask = () => answer(handler, 'get-nonsense', { rawPath: '/health' })
    await expect(ask()).rejects.toThrow(/^MAX_ATTEMPTS must be a whole number/)
    expect(existsSync(file)).toBe(false)
    vi.stubEnv('MAX_ATTEMPTS', '3')
    expect((await ask()).statusCode).toBe(200)
  }))
