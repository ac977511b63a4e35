import { readdir, readFile } from 'node:fs/promises'
import net from 'node:net'
import { describe, expect, test } from 'vitest'
import { receiveUpload } from '../functions/consumers/receive-upload.ts'
import type { App } from '../lib/app.ts'
import { nowPlus } from '../lib/db/port.ts'
import { checkUploads } from '../lib/photos/uploads.ts'
import { originalKey } from '../lib/storage/port.ts'
import { eventsOf, insertPhoto, post, withServer } from './functions/support.ts'
import { isAvailable, SETUPS, withApp } from './support/app.ts'

type Link = { image_id: string; upload_link: string; params: Record<string, string> }

const FILE = 'the bytes of a photo'

/** Runs `use` with a served app; `link` asks for an upload link, its URL led to the server of the test. */
const withUploads = (
  setup: (typeof SETUPS)[number],
  use: (app: App, url: string, link: (filename?: string) => Promise<Link>) => Promise<void>,
  more: Record<string, string> = {},
) =>
  withApp(
    setup,
    (app) =>
      withServer(app, (url) =>
        use(app, url, async (filename = 'a.jpg') => {
          const answer = await post(`${url}/images`, { filename, project_id: 7 })
          expect(answer.status).toBe(201)
          return { ...((await answer.json()) as Link), upload_link: `${url}/uploads` }
        }),
      ),
    more,
  )

/** Posts a form: fields and files in the order given. */
async function send({ upload_link }: Link, parts: [name: string, value: string | Blob][]) {
  const form = new FormData()
  for (const [name, value] of parts) form.append(name, value)
  const answer = await fetch(upload_link, { method: 'POST', body: form })
  const text = await answer.text()
  return { status: answer.status, code: text ? (JSON.parse(text) as { code: string }).code : undefined }
}

const upload = (link: Link, content: string, fields: Record<string, string> = link.params) =>
  send(link, [...Object.entries(fields), ['file', new Blob([content])]])

const statusOf = async ({ db }: App, uuid: string) =>
  (await db.selectFrom('photos').select('status').where('uuid', '=', uuid).executeTakeFirst())?.status

/** Files of originals, also those that are half written. */
const originals = ({ config }: App) => readdir(`${config.storageDir}/originals`).catch(() => [])

describe.for(SETUPS)('uploads on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('an upload is stored byte for byte and queued once, whoever confirms it and how often', () =>
    withUploads(setup, async (app, url, link) => {
      const made = await link('C:\\photos/../holiday.jpg')
      const early = await fetch(`${url}/images/${made.image_id}/uploaded`, { method: 'POST' })
      expect([early.status, ((await early.json()) as { code: string }).code]).toEqual([409, 'not-uploaded'])
      expect(await upload(made, FILE)).toEqual({ status: 204, code: undefined })
      const s3 = {
        Records: [{ eventName: 'ObjectCreated:Post', s3: { object: { key: originalKey(made.image_id) } } }],
      }
      const confirmations = await Promise.all([
        ...[1, 2, 3].map(() => fetch(`${url}/images/${made.image_id}/uploaded`, { method: 'POST' })),
        receiveUpload.handle({ body: Buffer.from(JSON.stringify(s3)), headers: {}, redelivered: false }, app),
        checkUploads(app),
      ])
      expect(confirmations.slice(0, 3).map((answer) => (answer as Response).status)).toEqual([202, 202, 202])
      expect(await eventsOf(app, 'image.queued')).toHaveLength(1)
      expect(await readFile(`${app.config.storageDir}/${originalKey(made.image_id)}`, 'utf8')).toBe(FILE)
      expect(await upload(made, 'another')).toEqual({ status: 409, code: 'already-uploaded' })
      expect(await readFile(`${app.config.storageDir}/${originalKey(made.image_id)}`, 'utf8')).toBe(FILE)
      const list = (await (await fetch(`${url}/projects/7/images`)).json()) as { images: object[] }
      expect(list.images).toMatchObject([
        {
          image_id: made.image_id,
          state: 'uploaded',
          filename: 'C:\\photos/../holiday.jpg',
          versions: {
            original: expect.stringMatching(/originals/),
            thumb: null,
            big_thumb: null,
            big_1920: null,
            d2500: null,
          },
        },
      ])
      expect(await (await fetch(`${url}/projects/8/images`)).json()).toEqual({ images: [], next: null })
    }),
  )

  on('the sweep finds uploads that nobody confirmed, and fails what was never uploaded', () =>
    withUploads(setup, async (app, _url, link) => {
      const [found, expired, waiting] = [await link(), await link(), await link()]
      await app.storage.put(originalKey(found.image_id), Buffer.from(FILE))
      await app.db
        .updateTable('photos')
        .set({ check_after: nowPlus(-1) })
        .execute()
      await app.db
        .updateTable('photos')
        .set({ created_at: new Date(Date.now() - 17 * 60_000).toISOString() })
        .where('uuid', '=', expired.image_id)
        .execute()
      expect(await checkUploads(app)).toBe(2)
      const statuses = await Promise.all(
        [found, expired, waiting].map(({ image_id }) => statusOf(app, image_id)),
      )
      expect(statuses).toEqual(['pending', 'failed', 'init'])
      expect(await eventsOf(app, 'image.failed')).toMatchObject([{ photo_uuid: expired.image_id }])
      expect(await checkUploads(app)).toBe(0)
    }),
  )
})

test.each([
  [{ filename: '', project_id: 1 }, '/filename'],
  [{ filename: '   ', project_id: 1 }, '/filename'],
  [{ filename: 'a\u0000b', project_id: 1 }, '/filename'],
  [{ filename: 'a\nb', project_id: 1 }, '/filename'],
  [{ filename: 'x'.repeat(256), project_id: 1 }, '/filename'],
  [{ filename: 'x'.repeat(10_000), project_id: 1 }, '/filename'],
  [{ filename: 'a', project_id: 0 }, '/project_id'],
  [{ filename: 'a', project_id: -1 }, '/project_id'],
  [{ filename: 'a', project_id: 1.5 }, '/project_id'],
  [{ filename: 'a', project_id: '1' }, '/project_id'],
  [{ filename: 'a', project_id: 2 ** 53 }, '/project_id'],
  [{ filename: 'a' }, '/project_id'],
])('refuses %j, naming %s', (body, pointer) =>
  withUploads(SETUPS[0], async (app, url) => {
    const answer = await post(`${url}/images`, body)
    expect(answer.status).toBe(422)
    expect(((await answer.json()) as { errors: { pointer: string }[] }).errors[0]?.pointer).toBe(pointer)
    expect(await app.db.selectFrom('photos').select('uuid').execute()).toEqual([])
  }),
)

test('refuses forms that are not the one handed out, and stores nothing of them', () =>
  withUploads(
    SETUPS[0],
    async (app, _url, link) => {
      const [made, other] = [await link(), await link()]
      const { params } = made
      const file: [string, Blob] = ['file', new Blob([FILE])]
      const refused = { status: 403, code: 'upload-refused' }
      expect(
        await upload(made, FILE, { ...params, signature: params.signature?.replace(/^./, 'x') ?? '' }),
      ).toEqual(refused)
      expect(await upload(made, FILE, { ...params, policy: other.params.policy ?? '' })).toEqual(refused)
      expect(await upload(made, FILE, { ...params, key: other.params.key ?? '' })).toEqual(refused)
      expect(await send(made, [file])).toEqual(refused)
      expect(await send(made, [file, ...Object.entries(params)])).toEqual(refused)
      expect(await send(made, Object.entries(params))).toEqual({ status: 422, code: 'invalid-upload' })
      expect(await send(made, [...Object.entries(params), ['photo', new Blob([FILE])]])).toEqual({
        status: 422,
        code: 'invalid-upload',
      })
      expect(await upload(made, '')).toEqual({ status: 422, code: 'empty-source' })
      expect(await upload(made, 'x'.repeat(101))).toEqual({ status: 413, code: 'too-many-bytes' })
      const late = await app.storage.signUpload(params.key ?? '', {
        maxBytes: 100,
        expiresAt: new Date(Date.now() - 1),
      })
      expect(await upload(made, FILE, late.fields)).toEqual({ status: 403, code: 'upload-expired' })
      expect((await post(made.upload_link, {})).status).toBe(415)
      expect(await originals(app)).toEqual([])
      expect(await statusOf(app, made.image_id)).toBe('init')
      expect(await upload(made, FILE)).toEqual({ status: 204, code: undefined })
    },
    { MAX_SOURCE_BYTES: '100' },
  ))

test('an upload that is cut off leaves nothing behind', () =>
  withUploads(SETUPS[0], async (app, url, link) => {
    const made = await link()
    const { hostname, port } = new URL(url)
    const fields = Object.entries(made.params).map(
      ([name, value]) => `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
    )
    const head = `${fields.join('')}--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n`
    const socket = net.connect(Number(port), hostname)
    socket.write(
      `POST /uploads HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000000\r\n\r\n${head}`,
    )
    socket.write('x'.repeat(100_000))
    await expect.poll(async () => (await originals(app)).length).toBe(1)
    socket.destroy()
    await expect.poll(() => originals(app)).toEqual([])
    expect(await statusOf(app, made.image_id)).toBe('init')
  }))

test('only images of the projects door are confirmed', () =>
  withUploads(SETUPS[0], async (app, url) => {
    const foreign = await insertPhoto(app, { status: 'pending' })
    for (const id of [foreign, '01a2092c-6c7e-759c-a11e-9a319c2f4181', 'no-uuid'])
      expect((await fetch(`${url}/images/${id}/uploaded`, { method: 'POST' })).status).toBe(404)
  }))

test.each([
  ['{"Records":[{"eventName":"s3:ObjectRemoved:Delete","s3":{"object":{"key":"originals/x"}}}]}', 0],
  ['{"Records":[{"eventName":"ObjectCreated:Put","s3":{"object":{"key":"elsewhere/x"}}}]}', 0],
  ['{"Records":[{"eventName":"ObjectCreated:Put","s3":{"object":{"key":"originals/unknown"}}}]}', 0],
  ['{"Event":"s3:TestEvent"}', 0],
  ['{"Records":"none"}', 1],
  ['no json', 1],
])('an S3 event %s leaves %d dead messages', (body, dead) =>
  withApp(SETUPS[0], async (app) => {
    await receiveUpload.handle({ body: Buffer.from(body), headers: {}, redelivered: false }, app)
    expect(await eventsOf(app, 'message.dead')).toHaveLength(dead)
  }),
)
