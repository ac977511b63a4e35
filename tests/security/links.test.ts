import { describe, expect, onTestFinished, test } from 'vitest'
import { showFile } from '../../functions/files/show-file.ts'
import type { App } from '../../lib/app.ts'
import type { CloudEvent } from '../../lib/outbox/event.ts'
import { originalKey } from '../../lib/storage/port.ts'
import { runRelay, runWorker } from '../../scripts/serve/roles.ts'
import { connect } from '../functions/projects/clients.ts'
import { call, getRaw, withServer } from '../functions/support.ts'
import { type Environment, isAvailable, SETUPS, withApp } from '../support/app.ts'
import { jpeg, sample } from '../support/images.ts'
import { openS3Server } from '../support/s3-server.ts'
import { until } from '../support/service.ts'
import { openReceiver, targets } from '../support/webhooks.ts'
import { ADMIN_KEY, bearer, HOUR_MS, makeKey, WITH_KEYS } from './credentials.ts'
import { makePhoto } from './world.ts'

/** Every text in an answer or event that is the address of a file, as a path. */
function filesIn(value: unknown): string[] {
  if (typeof value === 'string') {
    if (value.includes('/files/')) return [value.slice(value.indexOf('/files/'))]
    return /^[0-9a-f]{2}\/[0-9a-f-]{36}/.test(value) ? [`/files/${value}`] : []
  }
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(filesIn) : []
}

/** Lets a service make the versions of an uploaded image; returns every file that it hands out then, by where. */
async function collect(app: App, url: string, received: () => string[]) {
  const headers = { ...bearer(await makeKey(app)), 'content-type': 'application/json' }
  const get = async (path: string) => (await fetch(`${url}${path}`, { headers })).json()
  const parts = [await runRelay(app), await runWorker(app)]
  const published: CloudEvent[] = []
  const listener = await app.queue.listen(
    (body) => published.push(JSON.parse(Buffer.from(body).toString())),
    () => {},
  )
  const client = await connect(`${url}/projects/1/events`, bearer(ADMIN_KEY))
  await until(() => client.got.length === 1)
  const upload = (await (
    await fetch(`${url}/images`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ filename: 'a.jpg', project_id: 1 }),
    })
  ).json()) as { image_id: string; params: Record<string, string> }
  const form = new FormData()
  for (const [name, value] of Object.entries(upload.params)) form.append(name, value)
  form.append('file', new Blob([new Uint8Array(await jpeg(sample(64, 48)))]))
  expect((await fetch(`${url}/uploads`, { method: 'POST', body: form })).status).toBe(204)
  const isDone = ({ type }: { type?: string }) => type === 'image.uploaded'
  const stored = () => received().map((body) => JSON.parse(body) as CloudEvent)
  await until(() => [published, client.got, stored()].every((events) => events.some(isDone)))
  const { image_id: id } = upload
  const found = {
    photo: await get(`/photos/${id}`),
    photos: await get('/photos'),
    image: await get('/projects/1/images'),
    job: await get(`/api/v1/images/jobs/${id}`),
    v1: await get(`/v1/images/${id}`),
    'v1 list': await get('/v1/images?status=completed'),
    event: published.find(isDone),
    socket: client.got.find(isDone),
    webhook: stored().find(isDone),
  }
  client.socket.terminate()
  await listener.stop()
  for (const part of parts.reverse()) await part.stop()
  return Object.fromEntries(Object.entries(found).map(([where, value]) => [where, filesIn(value)]))
}

const HOW_MANY = {
  photo: 4,
  photos: 4,
  image: 5,
  job: 1,
  v1: 1,
  'v1 list': 0,
  event: 9,
  socket: 9,
  webhook: 9,
}

const counts = (found: Record<string, string[]>) =>
  Object.fromEntries(Object.entries(found).map(([where, files]) => [where, files.length]))

async function withService(
  setup: (typeof SETUPS)[number],
  env: Environment,
  use: (app: App, url: string, received: () => string[]) => Promise<void>,
) {
  const receiver = await openReceiver((_request, response) => response.writeHead(200).end())
  onTestFinished(() => receiver.close())
  const received = () => receiver.received.map(({ body }) => body)
  await withApp(setup, (app) => withServer(app, (url) => use(app, url, received)), {
    ...targets(receiver, '/200'),
    ...env,
  })
}

describe.for(SETUPS)('files on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('are handed out by links that open them without a credential, and are stored without', () =>
    withService(setup, WITH_KEYS, async (app, url, received) => {
      const found = await collect(app, url, received)
      expect(counts(found)).toEqual(HOW_MANY)
      for (const [where, files] of Object.entries(found))
        for (const file of files) {
          const opened = await getRaw(url, file)
          expect(opened.status, `${where}: ${file}`).toBe(200)
          expect(opened.headers['cache-control']).toMatch(/^private, max-age=\d+$/)
          expect((await getRaw(url, file.split('?')[0] ?? '')).status, where).toBe(401)
        }
      for (const table of ['events', 'deliveries', 'photos', 'photo_thumbnails', 'idempotency_keys'] as const)
        expect(JSON.stringify(await app.db.selectFrom(table).selectAll().execute()), table).not.toContain(
          'sig=',
        )
    }),
  )
})

test('where access is open no link is signed', () =>
  withService(SETUPS[0], {}, async (app, url, received) => {
    const found = await collect(app, url, received)
    expect(counts(found)).toEqual(HOW_MANY)
    for (const file of Object.values(found).flat()) {
      expect(file).not.toContain('?')
      expect((await getRaw(url, file)).headers['cache-control']).toBe('no-cache')
    }
  }))

test('PUBLIC_FILES opens renditions, and no original however it is written', () =>
  withApp(
    SETUPS[0],
    (app) =>
      withServer(app, async (url) => {
        const { uuid, path } = await makePhoto(app, 1, await jpeg(sample(8, 8)))
        // A link that was given out before, and has ended since, opens it too.
        for (const file of [path, `${path}?exp=1&kid=first&sig=x`])
          expect((await getRaw(url, `/files/${file}`)).status).toBe(200)
        const key = originalKey(uuid)
        const odd = [
          key,
          key.replace('o', '%6f'),
          key.replace('/', '%2f'),
          `x/../${key}`,
          `/${key}`,
          `./${key}`,
        ]
        for (const one of odd) expect((await getRaw(url, `/files/${one}`)).status, one).not.toBe(200)
        expect((await getRaw(url, `/files/${key}`, bearer(ADMIN_KEY))).status).toBe(200)
      }),
    { ...WITH_KEYS, PUBLIC_FILES: 'true' },
  ))

test('a link that has ended does not matter to who has a key', () =>
  withApp(
    SETUPS[0],
    (app) =>
      withServer(app, async (url) => {
        const { path } = await makePhoto(app, 1, await jpeg(sample(8, 8)))
        const ended = `/files/${path}?exp=1&kid=first&sig=x`
        expect((await getRaw(url, ended)).status).toBe(403)
        expect((await getRaw(url, ended, bearer(ADMIN_KEY))).status).toBe(200)
        expect((await getRaw(url, ended, bearer(`pp_admin_${'x'.repeat(43)}`))).status).toBe(403)
      }),
    WITH_KEYS,
  ))

test('a bucket’s link is good no longer than the link that leads there', async () => {
  const server = await openS3Server()
  onTestFinished(() => server.close())
  await withApp(
    SETUPS[0],
    async (app) => {
      const { path } = await makePhoto(app, 1, await jpeg(sample(8, 8)))
      const secondsOf = async (until?: number) => {
        const caller = { scopes: ['read'], projects: '*', ...(until ? { until } : { keyId: 'k' }) } as const
        const { status, headers } = await call(showFile, app, { params: { '*': path }, caller })
        expect([status, headers['cache-control']]).toEqual([302, 'no-store'])
        expect((await fetch(String(headers.location))).status).toBe(200)
        return Number(new URL(String(headers.location)).searchParams.get('X-Amz-Expires'))
      }
      expect(await secondsOf()).toBe(900)
      expect(await secondsOf(Date.now() + HOUR_MS)).toBe(900)
      const soon = await secondsOf(Date.now() + 60_000)
      expect(soon).toBeGreaterThan(0)
      expect(soon).toBeLessThanOrEqual(60)
      await withServer(app, async (url) => {
        const link = (await app.access.links.signer())(path)
        expect((await fetch(`${url}/files/${link}`, { redirect: 'manual' })).status).toBe(302)
        expect((await fetch(`${url}/files/${link}x`, { redirect: 'manual' })).status).toBe(403)
        expect((await fetch(`${url}/files/${path}`, { redirect: 'manual' })).status).toBe(401)
      })
    },
    { ...WITH_KEYS, ...server.env },
  )
})
