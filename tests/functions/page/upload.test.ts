import { readFile } from 'node:fs/promises'
import net from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import type { App } from '../../../lib/app.ts'
import { awayError } from '../../../lib/away.ts'
import { nowPlus } from '../../../lib/db/port.ts'
import { checkUploads } from '../../../lib/photos/uploads.ts'
import { originalKey, type Storage } from '../../../lib/storage/port.ts'
import { runRelay, runWorker } from '../../../scripts/serve/roles.ts'
import { isAvailable, SETUPS, type Setup, withApp } from '../../support/app.ts'
import { jpeg, sample } from '../../support/images.ts'
import { openS3Server } from '../../support/s3-server.ts'
import { until } from '../../support/service.ts'
import { eventsOf, originals, post, problemOf, withServer } from '../support.ts'

type Result = { uuid?: string; name: string; error?: { code: string; message: string } }

const EMBEDDED = SETUPS[0]
const MIB = 1024 * 1024

/** A field with text, or with a file and its name. */
type Part = [name: string, value: string | Uint8Array<ArrayBuffer>, filename?: string]

type Sent = { status: number; code?: string; results?: Result[] }

async function send(url: string, parts: Part[]): Promise<Sent> {
  const form = new FormData()
  for (const [name, value, filename] of parts)
    if (filename === undefined) form.append(name, String(value))
    else form.append(name, new Blob([value]), filename)
  const answer = await fetch(`${url}/upload`, { method: 'POST', body: form })
  return { ...((await answer.json()) as object), status: answer.status }
}

const withUpload = (
  setup: Setup,
  use: (app: App, url: string) => Promise<void>,
  more: Record<string, string> = {},
) => withApp(setup, (app) => withServer(app, (url) => use(app, url)), more)

const photos = ({ db }: App) => db.selectFrom('photos').selectAll().orderBy('created_at').execute()

describe.for(SETUPS)('POST /upload on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('takes many files, each with its own result, and makes thumbnails of them', () =>
    withUpload(setup, async (app, url) => {
      const parts = [await runRelay(app), await runWorker(app)]
      const photo = new Uint8Array(await jpeg(sample(640, 480)))
      const { results } = await send(url, [
        ['image', photo, ' Größe 📷.jpg '],
        ['image', '', 'empty.jpg'],
        ['image', 'no image at all', 'notes.txt'],
        ['image', new Uint8Array(60 * MIB), 'huge.bin'],
        ['elsewhere', photo, 'b.jpg'],
        ['image', photo, 'x'.repeat(256)],
        ['nickname', ' Ann\nB. '],
        ['image', photo, '<img src=x onerror=alert(1)>.jpg'],
      ])
      expect(results).toEqual([
        { uuid: expect.any(String), name: 'Größe 📷.jpg' },
        { name: 'empty.jpg', error: { code: 'empty-source', message: 'The source is empty' } },
        { uuid: expect.any(String), name: 'notes.txt' },
        {
          name: 'huge.bin',
          error: { code: 'too-many-bytes', message: 'The source has more than 52428800 bytes' },
        },
        { name: 'b.jpg', error: { code: 'invalid-upload', message: 'Files go into fields named image' } },
        {
          name: 'x'.repeat(256),
          error: { code: 'invalid', message: expect.stringMatching(/^The filename/) },
        },
        { uuid: expect.any(String), name: '<img src=x onerror=alert(1)>.jpg' },
      ])
      await until(async () => (await photos(app)).every(({ status }) => /completed|failed/.test(status)))
      for (const part of parts.reverse()) await part.stop()
      expect(await photos(app)).toMatchObject([
        {
          name: 'Größe 📷.jpg',
          door: 'page',
          status: 'completed',
          nickname: 'Ann B.',
          source_bytes: photo.length,
        },
        { name: 'notes.txt', status: 'failed', error_code: 'unsupported-format', nickname: 'Ann B.' },
        { name: '<img src=x onerror=alert(1)>.jpg', status: 'completed' },
      ])
      const [first] = await photos(app)
      expect(await readFile(`${app.config.storageDir}/${first?.url}`)).toEqual(Buffer.from(photo))
      expect((await originals(app)).sort()).toEqual((await photos(app)).map(({ uuid }) => uuid).sort())
      expect(await eventsOf(app, 'image.queued')).toHaveLength(3)
    }),
  )
})

test('1,000 files are taken at once; of more the rest is said not to have been read', () =>
  withUpload(EMBEDDED, async (app, url) => {
    const files = Array.from({ length: 1_001 }, (_, i): Part => ['image', `${i}`, `${i}.jpg`])
    const { results } = await send(url, [['nickname', 'Ann'], ...files])
    expect(results?.slice(0, 1_000).map(({ name }) => name)).toEqual(
      files.slice(0, 1_000).map(([, , name]) => name),
    )
    expect(results?.slice(1_000)).toMatchObject([{ name: '', error: { code: 'too-many-files' } }])
    const stored = await photos(app)
    expect(stored.filter(({ status, nickname }) => status === 'pending' && nickname === 'Ann')).toHaveLength(
      1_000,
    )
    expect(stored).toHaveLength(1_000)
  }))

test('a form without a file is refused, and so is what is no form', () =>
  withUpload(EMBEDDED, async (app, url) => {
    for (const parts of [[], [['nickname', 'Ann']], [['image', 'text']]] as Part[][])
      expect(await send(url, parts)).toMatchObject({ status: 422, code: 'invalid-upload' })
    await problemOf(await post(`${url}/upload`, {}), 415)
    expect(await photos(app)).toEqual([])
  }))

test('a client that hangs up leaves neither row nor file', () =>
  withUpload(EMBEDDED, async (app, url) => {
    const { hostname, port } = new URL(url)
    const socket = net.connect(Number(port), hostname)
    socket.write(
      'POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000000\r\n\r\n' +
        '--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n',
    )
    socket.write('x'.repeat(100_000))
    await expect.poll(async () => (await originals(app)).length).toBe(1)
    expect(await photos(app)).toMatchObject([{ status: 'init' }])
    socket.destroy()
    await expect.poll(() => originals(app)).toEqual([])
    await expect.poll(() => photos(app)).toEqual([])
    expect(await app.db.selectFrom('events').selectAll().execute()).toEqual([])
  }))

test('a photo that is stored while it cannot be confirmed is taken: sent again it would come twice', () =>
  withApp(EMBEDDED, async (app) => {
    const head = () => Promise.reject(awayError('storage-unavailable', new Error('EIO')))
    await withServer({ ...app, storage: { ...app.storage, head } }, async (url) => {
      const { status, results } = await send(url, [['image', 'some bytes', 'a.jpg']])
      const [photo, ...others] = await photos(app)
      expect({ status, results }).toEqual({ status: 202, results: [{ uuid: photo?.uuid, name: 'a.jpg' }] })
      expect(others).toEqual([])
      await app.db
        .updateTable('photos')
        .set({ check_after: nowPlus(-1) })
        .execute()
      expect(await checkUploads(app)).toBe(1)
      expect(await photos(app)).toMatchObject([{ status: 'pending', source_bytes: 10 }])
    })
  }))

test('a photo that was deleted meanwhile is refused, though its file cannot be removed now', () =>
  withApp(EMBEDDED, async (app) => {
    const storage: Storage = {
      ...app.storage,
      async putStream(...args) {
        const stored = await app.storage.putStream(...args)
        await app.db.deleteFrom('photos').execute()
        return stored
      },
      remove: () => Promise.reject(awayError('storage-unavailable', new Error('EIO'))),
    }
    await withServer({ ...app, storage }, async (url) => {
      const { results } = await send(url, [['image', 'some bytes', 'a.jpg']])
      expect(results).toMatchObject([{ name: 'a.jpg', error: { code: 'not-found' } }])
    })
  }))

test('a photo that is deleted while it is uploaded leaves no file', () =>
  withUpload(EMBEDDED, async (app, url) => {
    const { hostname, port } = new URL(url)
    const socket = net.connect(Number(port), hostname)
    const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`
    socket.write(
      'POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n' +
        'Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n' +
        chunk('--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\nsome '),
    )
    await expect.poll(() => photos(app)).toMatchObject([{ status: 'init' }])
    const [photo] = await photos(app)
    expect((await fetch(`${url}/photos/${photo?.uuid}`, { method: 'DELETE' })).status).toBe(204)
    socket.write(`${chunk('bytes\r\n--b--\r\n')}0\r\n\r\n`)
    const answer = await text(socket)
    expect(answer).toContain('202 Accepted')
    expect(answer).toContain('"error":{"code":"not-found"')
    expect(await originals(app)).toEqual([])
  }))

test('with a bucket the bytes go there in parts', async () => {
  const server = await openS3Server()
  await withUpload(
    EMBEDDED,
    async (app, url) => {
      const large = new Uint8Array(9 * MIB).fill(7)
      const { results } = await send(url, [
        ['image', large, 'large.bin'],
        ['image', '', 'empty'],
        ['image', 'small', 'small.txt'],
      ])
      expect(results).toMatchObject([
        { name: 'large.bin' },
        { error: { code: 'empty-source' } },
        { name: 'small.txt' },
      ])
      const stored = await app.storage.read(originalKey(results?.[0]?.uuid ?? ''), 10 * MIB)
      expect(Buffer.compare(stored ?? new Uint8Array(), large)).toBe(0)
      expect(server.objects.size).toBe(2)
      expect((await photos(app)).map(({ status }) => status)).toEqual(['pending', 'pending'])
    },
    server.env,
  )
  await server.close()
})
