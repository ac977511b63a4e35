import { expect, inject, test } from 'vitest'
import WebSocket from 'ws'
import { openApp } from '../lib/app.ts'
import { readConfig } from '../lib/config/index.ts'
import { migrate } from '../lib/db/migrate.ts'
import { openHub } from '../lib/live/hub.ts'
import { record } from '../lib/outbox/record.ts'
import { eventData } from '../lib/photos/event-data.ts'
import { findPhoto } from '../lib/photos/row.ts'
import { insertPhoto } from './functions/support.ts'
import { isAvailable, SETUPS, withEnvironment } from './support/app.ts'
import { jpeg, sample } from './support/images.ts'
import { openProxy } from './support/proxy.ts'
import { DEADLINE_MS, postJson, startScript, until } from './support/service.ts'
import { expectVersions, ORIGINAL } from './support/versions.ts'

const [EMBEDDED, SERVERS] = SETUPS

type Link = { image_id: string; upload_link: string; params: Record<string, string> }
type Event = { type?: string; subject?: string; data?: { versions: Record<string, string> } }

/** Uploads through one process, listens on another, and fetches the five versions that the event names. */
async function tryOut(uploading: string, listening: string): Promise<void> {
  const got: Event[] = []
  const socket = new WebSocket(`${listening.replace('http', 'ws')}/ws`)
  socket.on('message', (data) => got.push(JSON.parse(String(data))))
  await new Promise((resolve) => socket.once('open', resolve))
  socket.send('{"subscribe":111}')
  const link = await postJson<Link>(`${uploading}/images`, { filename: 'a.jpg', project_id: 111 })
  const original = new Uint8Array(await jpeg(sample(ORIGINAL.width, ORIGINAL.height)))
  const form = new FormData()
  for (const [name, value] of Object.entries(link.params)) form.append(name, value)
  form.append('file', new Blob([original]))
  expect((await fetch(link.upload_link, { method: 'POST', body: form })).status).toBe(204)
  await until(
    () => got.some(({ type }) => type === 'image.uploaded'),
    DEADLINE_MS,
    () => got,
  )
  expect(got.slice(1).map(({ type, subject }) => [type, subject])).toEqual([
    ['image.processing', link.image_id],
    ['image.uploaded', link.image_id],
  ])
  await expectVersions(got.at(-1)?.data?.versions ?? {}, original, (url) => listening + new URL(url).pathname)
  socket.terminate()
}

test('embedded: a client hears of its upload and fetches five versions', () =>
  withEnvironment(EMBEDDED, async (env) => {
    const service = await startScript('start', env, /Try: curl/)
    await tryOut(service.url, service.url)
    expect(await service.kill('SIGTERM')).toBe(0)
  }))

test.skipIf(!isAvailable(SERVERS))(
  'two web processes: what is uploaded to one is heard of on the other',
  () =>
    withEnvironment(SERVERS, async (env) => {
      const [one, two] = [
        await startScript('api', env, /Try: curl/),
        await startScript('api', env, /Try: curl/),
      ]
      const parts = [await startScript('worker', env, /ready/), await startScript('relay', env, /ready/)]
      await tryOut(one.url, two.url)
      expect(await Promise.all([one, two, ...parts].map((part) => part.kill('SIGTERM')))).toEqual([
        0, 0, 0, 0,
      ])
    }),
)

test.skipIf(!isAvailable(SERVERS))(
  'what happens while a web process has lost the broker is told when it is back',
  () =>
    withEnvironment(SERVERS, async (env) => {
      const broker = new URL(inject('rabbitmqUrl') ?? '')
      const proxy = await openProxy({ host: broker.hostname, port: Number(broker.port || 5672) })
      broker.hostname = '127.0.0.1'
      broker.port = String(proxy.port)
      const web = await openApp(readConfig({ ...env, RABBITMQ_URL: broker.href }))
      const other = await openApp(readConfig(env))
      await migrate(other.db)
      const hub = openHub(web)
      const heard: string[] = []
      hub.subscribe({ kind: 'all' }, ({ id }) => heard.push(id))
      const uuid = await insertPhoto(other)
      const happen = async () => {
        const data = eventData(await findPhoto(other.db, uuid), [], 'http://127.0.0.1')
        await record(other, async (_tx, emit) => emit({ type: 'image.uploaded', photoUuid: uuid, data }))
      }
      await until(async () => {
        await happen()
        return heard.length > 0
      })
      await proxy.cut()
      await until(() => !web.queue.isUp())
      for (let i = 0; i < 3; i++) await happen()
      await proxy.restore()
      const all = async () =>
        (await other.db.selectFrom('events').select('id').where('type', '=', 'image.uploaded').execute())
          .length
      const total = await all()
      await until(
        () => heard.length === total,
        DEADLINE_MS,
        () => [heard.length, total],
      )
      expect(new Set(heard).size).toBe(total)
      await hub.close()
      await web.close()
      await other.close()
      await proxy.close()
    }),
)
