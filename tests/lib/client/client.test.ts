import { expect, test } from 'vitest'
import { PhotoProcessorError, type StreamEvent, unwrap } from '../../../lib/client/index.ts'
import { SETUPS, withEnvironment } from '../../support/app.ts'
import { bmp, jpeg, sample } from '../../support/images.ts'
import { keepOpen } from '../../support/keep-open.ts'
import { openProxy } from '../../support/proxy.ts'
import { type Service, startScript } from '../../support/service.ts'
import { bytes, openSourceServer, status } from '../../support/source-server.ts'
import { clientOf, KEY, PROJECT, photoFile } from './support.ts'

const service = keepOpen<Service>((use) =>
  withEnvironment(SETUPS[0], async (env) => {
    const started = await startScript(
      'start',
      { ...env, AUTH: 'keys', ADMIN_KEY: KEY, LOG_LEVEL: 'info' },
      /Photo processor on/,
    )
    try {
      await use(started)
    } finally {
      await started.kill('SIGKILL')
    }
  }),
)

const client = () => clientOf(service().url)

const failure = (call: Promise<unknown>) =>
  call.then(
    () => expect.fail('It succeeded'),
    (error: PhotoProcessorError) => error,
  )

test('uploads a file, waits for it, and lists it with its versions', async () => {
  const file = await photoFile()
  const { uuid } = await client().upload(file, { project: PROJECT })
  const photo = await client().wait(uuid)
  expect(photo).toMatchObject({ uuid, status: 'completed', name: file.name, project_id: PROJECT })
  const [thumbnail] = photo.thumbnails
  const answer = await fetch(client().fileUrl(thumbnail?.url ?? ''))
  expect(answer.headers.get('content-type')).toBe('image/jpeg')
  const [newest] = await Array.fromAsync(client().images(PROJECT))
  expect(newest).toMatchObject({ image_id: uuid, state: 'done' })
})

test('says how far an upload is, of a file and of a stream', async () => {
  const file = new File([new Uint8Array(await bmp(sample(800, 600)))], 'large.bmp')
  for (const source of [file, file.stream()]) {
    const sent: number[] = []
    const { uuid } = await client().upload(source, {
      project: PROJECT,
      name: 'large.bmp',
      onProgress(progress) {
        expect(progress.total).toBe(file.size)
        sent.push(progress.sent)
      },
    })
    expect(sent.length).toBeGreaterThan(2)
    expect(sent).toEqual(sent.toSorted((a, b) => a - b))
    expect(sent.at(-1)).toBe(file.size)
    expect(await client().wait(uuid)).toMatchObject({ status: 'completed', metadata: { bytes: file.size } })
  }
})

test.each([undefined, PROJECT])(
  'processes URLs, of project %s, and resolves when all have ended',
  async (project) => {
    const source = await openSourceServer({
      '/good.jpg': bytes(await jpeg(sample(40, 30))),
      '/gone.jpg': status(404),
    })
    const ended: string[] = []
    const urls = ['good.jpg', 'gone.jpg', 'good.jpg'].map((name) => `${source.url}/${name}`)
    const photos = await client().process(urls, { project, onDone: ({ uuid }) => ended.push(uuid) })
    expect(photos.map(({ url, status }) => [url, status])).toEqual([
      [urls[0], 'completed'],
      [urls[1], 'failed'],
      [urls[2], 'completed'],
    ])
    expect(photos[1]?.error?.code).toBe('source-rejected')
    expect(ended.toSorted()).toEqual(photos.map(({ uuid }) => uuid).toSorted())
    await source.close()
  },
)

test('goes through lists page by page', async () => {
  const uuids: string[] = []
  for (let i = 0; i < 3; i++) {
    const body = { url: `https://example.com/${i}.jpg`, project_id: 222 }
    const photo = await unwrap(client().api.POST('/photos', { body }))
    if ('uuid' in photo) uuids.unshift(photo.uuid)
  }
  const photos = await Array.fromAsync(client().photos({ project_id: 222, limit: 2 }))
  expect(photos.map(({ uuid }) => uuid)).toEqual(uuids)
})

test('hears events across broken connections, each once', async () => {
  const proxy = await openProxy({ host: '127.0.0.1', port: Number(new URL(service().url).port) })
  const open = Promise.withResolvers<void>()
  const controller = new AbortController()
  const near = clientOf(`http://127.0.0.1:${proxy.port}`)
  const events = near.events(333, { signal: controller.signal, onOpen: open.resolve })
  const heard: StreamEvent[] = []
  const first = Promise.withResolvers<void>()
  const second = Promise.withResolvers<void>()
  const listening = (async () => {
    for await (const event of events) {
      heard.push(event)
      if (event.type === 'image.uploaded') (heard.length < 3 ? first : second).resolve()
    }
  })()
  await open.promise
  const one = await client().upload(await photoFile(), { project: 333 })
  await first.promise
  await proxy.cut()
  // Missed, and replayed.
  const two = await client().upload(await photoFile(), { project: 333 })
  await client().wait(two.uuid)
  await proxy.restore()
  await second.promise
  controller.abort()
  await listening
  await proxy.close()
  expect(heard.map(({ type, subject }) => [type, subject])).toEqual(
    [one, two].flatMap(({ uuid }) => [
      ['image.processing', uuid],
      ['image.uploaded', uuid],
    ]),
  )
})

test('waits across a broken connection', async () => {
  const proxy = await openProxy({ host: '127.0.0.1', port: Number(new URL(service().url).port) })
  const near = clientOf(`http://127.0.0.1:${proxy.port}`, { retries: 20 })
  const source = await openSourceServer()
  const asked = Promise.withResolvers<() => void>()
  const image = await jpeg(sample(40, 30))
  source.set('/slow.jpg', (request, response) => asked.resolve(() => bytes(image)(request, response)))
  const done = near.process([`${source.url}/slow.jpg`], { project: 444 })
  const answer = await asked.promise
  await proxy.cut()
  answer()
  await expect
    .poll(() => Array.fromAsync(client().photos({ project_id: 444 })))
    .toMatchObject([{ status: 'completed' }])
  await proxy.restore()
  expect(await done).toMatchObject([{ status: 'completed' }])
  await Promise.all([proxy.close(), source.close()])
})

test('a refusal says its status, code, fields and the request', async () => {
  const invalid = await failure(unwrap(client().api.POST('/photos', { body: { url: 'nonsense' } })))
  expect(invalid).toBeInstanceOf(PhotoProcessorError)
  expect(invalid).toMatchObject({
    status: 422,
    code: 'invalid-source',
    requestId: expect.stringMatching(/^[0-9a-f]{32}$/),
  })
  await expect.poll(() => service().output()).toContain(invalid.requestId)
  expect(await failure(client().wait('01a208fa-d379-72a3-9e61-aaf487ae54bf'))).toMatchObject({ status: 404 })
  expect(await failure(clientOf(service().url, { key: 'pp_no_key' }).wait('x'))).toMatchObject({
    status: 401,
    code: 'unauthorized',
  })
  expect(await failure(clientOf(service().url, { key: undefined }).events(1).next())).toMatchObject({
    status: 401,
  })
})

test('a service that is away is a refusal too, and a signal ends what waits', async () => {
  expect(await failure(clientOf('http://127.0.0.1:1', { retries: 0 }).wait('x'))).toMatchObject({
    status: 0,
    code: 'unreachable',
    requestId: undefined,
  })
  const body = { url: 'https://example.com/never.jpg', project_id: 555 }
  for (const given of [body, { url: body.url }]) {
    const photo = await unwrap(client().api.POST('/photos', { body: given }))
    const controller = new AbortController()
    const waiting = failure(client().wait('uuid' in photo ? photo.uuid : '', { signal: controller.signal }))
    controller.abort(new Error('enough'))
    expect(await waiting).toMatchObject({ message: 'enough' })
  }
})
