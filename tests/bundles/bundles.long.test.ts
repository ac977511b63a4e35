import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findPhoto } from '../../lib/photos/row.ts'
import { findRenditions } from '../../lib/renditions/row.ts'
import { type Environment, isAvailable } from '../support/app.ts'
import { jpeg, pixels, sample } from '../support/images.ts'
import { bytes, openSourceServer } from '../support/source-server.ts'
import {
  type Answer,
  type Built,
  buildFunctions,
  RUNTIMES,
  removeAll,
  request,
  SERVERS,
  takeMessages,
  toRmqEvent,
  withFunction,
  withServers,
} from './support.ts'

const on = test.skipIf(!isAvailable(SERVERS))

let built: Built
beforeAll(async () => {
  built = await buildFunctions()
}, 600_000)
afterAll(() => removeAll(built))

test('a bundle holds what its function uses, and is small', () => {
  for (const { name, minified, inputs } of built.bundles) {
    const uses = (part: string) => inputs.some((input) => input.includes(`node_modules/${part}/`))
    const kind = built.functions.find((each) => each.name === name)?.kind
    expect.soft(minified, name).toBeLessThan(2.6 * 1024 * 1024)
    expect.soft(uses('fastify'), name).toBe(kind === 'endpoint')
    expect.soft(uses('@jimp/core'), name).toBe(name === 'consumers-process-photo')
    expect.soft(uses('exifreader'), name).toBe(name === 'consumers-process-photo')
  }
})

describe.for(RUNTIMES)('bundles under $name', ({ command }) => {
  const runtime = command()

  test.skipIf(!isAvailable(SERVERS) || !runtime)(
    'add a photo, ask for it, process it beside a poison message, and hand out its thumbnail',
    () =>
      withServers(async (env, app) => {
        const source = await openSourceServer({ '/a.jpg': bytes(await jpeg(sample(640, 480))) })
        const times: string[] = []
        /** One event for one function; notes how long the first and a second take. */
        const call = async (name: string, event: unknown, again?: unknown): Promise<Answer> => {
          let answer: unknown
          await withFunction(
            built,
            name,
            env,
            async (invoke) => {
              const start = performance.now()
              answer = await invoke(event)
              const cold = performance.now() - start
              await invoke(again ?? event)
              times.push(
                `${name}: cold ${cold.toFixed(0)} ms, warm ${(performance.now() - start - cold).toFixed(1)} ms`,
              )
            },
            runtime,
          )
          return answer as Answer
        }
        const added = await call(
          'photos-add',
          await request('POST', '/photos', { url: `${source.url}/a.jpg` }),
        )
        expect(added.statusCode).toBe(201)
        const { uuid } = JSON.parse(added.body ?? '')
        const pending = await call('photos-list-pending', await request('GET', '/photos/pending?limit=1'))
        expect(JSON.parse(pending.body ?? '')).toMatchObject([{ uuid, status: 'pending' }])
        expect(pending.headers?.link).toContain('/photos/pending?limit=1&after=')
        const event = await call(
          'photos-request-processing',
          await request('POST', '/photos/process', [uuid]),
        )
        expect([event.statusCode, JSON.parse(event.body ?? '')]).toEqual([
          202,
          { accepted: [uuid], rejected: [] },
        ])

        const messages = await takeMessages(env)
        expect(messages).toEqual([JSON.stringify({ photo_uuid: uuid })])
        await call('consumers-process-photo', toRmqEvent([...messages, 'poison']), toRmqEvent(messages))
        expect(await findPhoto(app.db, uuid)).toMatchObject({ status: 'completed', attempts: 1 })
        const dead = await app.db
          .selectFrom('events')
          .select('detail')
          .where('type', '=', 'message.dead')
          .execute()
        expect(dead).toEqual([{ detail: 'The message names no photo' }])

        const [thumbnail] = await findRenditions(app.db, [uuid])
        const file = await call('files-show-file', await request('GET', `/files/${thumbnail?.url}`))
        expect(file.isBase64Encoded).toBe(true)
        expect(await pixels(Buffer.from(file.body ?? '', 'base64'))).toMatchObject({
          width: 320,
          height: 240,
        })
        for (const name of ['schedules-relay', 'schedules-sweep'])
          expect(await call(name, {})).toBeTypeOf('number')
        console.log(times.join('\n'))
        await source.close()
      }),
  )
})

/** Gives one event to one function, and returns what it answers. */
const caller = (env: Environment) => async (name: string, event: unknown) => {
  const answers: unknown[] = []
  await withFunction(built, name, env, async (invoke) => {
    answers.push(await invoke(event))
  })
  const { statusCode, body = '', headers, isBase64Encoded } = (answers[0] ?? {}) as Answer
  return { statusCode, body, headers, isBase64Encoded }
}

on('an image is submitted by its URL once under a key, made, listed and shown by its bundles', () =>
  withServers(async (env) => {
    const source = await openSourceServer({ '/a.jpg': bytes(await jpeg(sample(640, 480))) })
    const call = caller(env)
    const event = await request('POST', '/v1/images', { url: `${source.url}/a.jpg` })
    const keyed = { ...event, headers: { ...event.headers, 'idempotency-key': 'k' } }
    expect((await call('v1-submit', { ...event, headers: {} })).statusCode).toBe(401)
    const submitted = await call('v1-submit', keyed)
    const again = await call('v1-submit', keyed)
    expect([submitted.statusCode, again.statusCode, again.body]).toEqual([202, 202, submitted.body])
    expect(again.headers).toMatchObject({ 'idempotency-replayed': 'true' })
    const { id } = JSON.parse(submitted.body)
    const messages = await takeMessages(env)
    expect(messages).toEqual([JSON.stringify({ photo_uuid: id })])
    await call('consumers-process-photo', toRmqEvent(messages))
    const shown = JSON.parse((await call('v1-show', await request('GET', `/v1/images/${id}`))).body)
    expect(shown).toMatchObject({ status: 'completed', result: { width: 640, height: 480, exif: null } })
    const listed = await call('v1-list', await request('GET', '/v1/images?status=completed&limit=1'))
    expect(JSON.parse(listed.body)).toMatchObject({
      items: [shown],
      pagination: { total: 1, has_more: false },
    })
    const counts = await call('v1-show-metrics', await request('GET', '/v1/metrics'))
    expect(JSON.parse(counts.body)).toMatchObject({ total: 1, completed: 1 })
    const thumbnail = await call('v1-show-thumbnail', await request('GET', `/v1/images/${id}/thumbnail`))
    expect([thumbnail.isBase64Encoded, thumbnail.headers?.['content-type']]).toEqual([true, 'image/jpeg'])
    expect(await pixels(Buffer.from(thumbnail.body, 'base64'))).toMatchObject({ width: 256, height: 192 })
    const batch = await request('POST', '/v1/images/batch', { urls: ['nonsense', `${source.url}/b.jpg`] })
    expect(JSON.parse((await call('v1-submit-batch', batch)).body)).toMatchObject({
      accepted: [{ url: `${source.url}/b.jpg` }],
      failed: [{ url: 'nonsense', code: 'invalid-source' }],
    })
    await source.close()
  }),
)

on('a job is submitted, made and shown by its bundles, with what the camera wrote', () =>
  withServers(async (env, app) => {
    const exif = { IFD0: { Make: 'Acme' }, IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '48/1 7/1 0/1' } }
    const photo = await sharp(await jpeg(sample(640, 480)))
      .withExif(exif)
      .jpeg()
      .toBuffer()
    const source = await openSourceServer({ '/a.jpg': bytes(photo) })
    const call = caller(env)
    const submit = async (...transformations: string[]) => {
      const body = { imageUrl: `${source.url}/a.jpg`, transformations }
      return call('jobs-submit', await request('POST', '/api/v1/images/process', body))
    }
    const refused = await submit('fit:100x100', 'rotate:45')
    expect([refused.statusCode, JSON.parse(refused.body).errors[0].pointer]).toEqual([
      422,
      '/transformations/1',
    ])
    const submitted = await submit('fit:100x100', 'rotate:90', 'blur:2', 'format:webp')
    expect(submitted.statusCode).toBe(202)
    const { jobId } = JSON.parse(submitted.body)
    const show = async () =>
      JSON.parse((await call('jobs-show', await request('GET', `/api/v1/images/jobs/${jobId}`))).body)
    expect(await show()).toEqual({ jobId, status: 'PENDING', resultUrl: null, errorMessage: null })

    const messages = await takeMessages(env)
    expect(messages).toEqual([JSON.stringify({ photo_uuid: jobId })])
    await call('consumers-process-photo', toRmqEvent(messages))
    const { status, resultUrl } = await show()
    expect([status, resultUrl]).toEqual([
      'COMPLETED',
      expect.stringMatching(new RegExp(`/${jobId}\\.webp\\?exp=`)),
    ])
    // The link opens it without a key.
    const byLink = { ...(await request('GET', resultUrl)), headers: {} }
    const file = await call('files-show-file', byLink)
    expect([file.isBase64Encoded, file.headers?.['content-type']]).toEqual([true, 'image/webp'])
    const { width, height, format } = await sharp(Buffer.from(file.body, 'base64')).metadata()
    expect([format, width, height]).toEqual(['webp', 75, 100])
    const { metadata } = await findPhoto(app.db, jobId)
    expect(JSON.parse(metadata ?? '')).toMatchObject({ width: 640, exif: { make: 'Acme', orientation: 1 } })
    expect(metadata).not.toMatch(/gps|latitude/i)
    await source.close()
  }),
)

test.each([
  [{}, 'DATABASE_URL must be set to postgres://…: a function has no disk that others see'],
  [
    { DATABASE_URL: 'postgres://localhost/none' },
    'RABBITMQ_URL must be set to amqp://…: a function has no queue that others see',
  ],
  [{ DATABASE_URL: 'nonsense' }, 'DATABASE_URL must be a URL that begins with'],
])('without its environment (%o) a bundle says what is missing', (env, message) =>
  withFunction(built, 'photos-list', env, async (invoke) => {
    await expect(invoke(await request('GET', '/photos'))).rejects.toThrow(message)
  }),
)

test.each([
  ['photos-list', 'This function takes API Gateway HTTP API events (payload 2.0)'],
  ['consumers-process-photo', 'This function takes events of Amazon MQ for RabbitMQ (aws:rmq)'],
  ['consumers-receive-upload', 'This function takes events of Amazon MQ for RabbitMQ (aws:rmq)'],
])('%s refuses an event of another kind', (name, message) =>
  withFunction(built, name, {}, async (invoke) => {
    for (const event of [{}, { version: '1.0', path: '/photos' }, { eventSource: 'aws:sqs' }])
      await expect(invoke(event)).rejects.toMatchObject({ type: 'TypeError', message })
  }),
)

on('an unknown route is 404, a body in base64 that is none is refused, cookies do no harm', () =>
  withServers((env) =>
    withFunction(built, 'photos-request-processing', env, async (invoke) => {
      const unknown = (await invoke(await request('GET', '/nowhere'))) as Answer
      expect([unknown.statusCode, JSON.parse(unknown.body ?? '').code]).toEqual([404, 'not-found'])
      const event = await request('POST', '/photos/process', [])
      const broken = (await invoke({
        ...event,
        body: '%%% no base64 %%%',
        cookies: ['a=b', 'c=d'],
      })) as Answer
      expect([broken.statusCode, JSON.parse(broken.body ?? '').code]).toEqual([400, 'malformed-json'])
    }),
  ),
)
