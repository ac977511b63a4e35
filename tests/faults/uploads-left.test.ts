import net from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import type { App } from '../../lib/app.ts'
import { nowPlus } from '../../lib/db/port.ts'
import { checkUploads } from '../../lib/photos/uploads.ts'
import { type Link, statusOf, withUploads } from '../functions/projects/support.ts'
import { originals } from '../functions/support.ts'
import { type Environment, SETUPS } from '../support/app.ts'
import { openS3Server } from '../support/s3-server.ts'

/** Runs `use` with what a service needs to store in directories, or in a bucket of its own. */
const STORAGES = [
  { name: 'directories', with: (use: (env: Environment) => Promise<void>) => use({}) },
  {
    name: 'a bucket',
    async with(use: (env: Environment) => Promise<void>) {
      const server = await openS3Server()
      await use(server.env)
      expect(server.openUploads()).toBe(0)
      expect([...server.objects.keys()]).toEqual([])
      await server.close()
    },
  },
]

/** Begins to post a file, as the first bytes of a form with these fields; `finish` sends the rest and gives the answer. */
function beginUpload(url: string, path: string, fields: Record<string, string>, name: string) {
  const { hostname, port } = new URL(url)
  const socket = net.connect(Number(port), hostname)
  const chunk = (content: string) => `${content.length.toString(16)}\r\n${content}\r\n`
  const parts = Object.entries(fields).map(
    ([field, value]) => `--b\r\nContent-Disposition: form-data; name="${field}"\r\n\r\n${value}\r\n`,
  )
  const file = `--b\r\nContent-Disposition: form-data; name="${name}"; filename="a"\r\n\r\nsome `
  socket.write(
    `POST ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n` +
      `Content-Type: multipart/form-data; boundary=b\r\n\r\n${chunk(parts.join('') + file)}`,
  )
  return {
    send: (content = 'more ') => socket.write(chunk(content)),
    async finish() {
      socket.write(`${chunk('bytes\r\n--b--\r\n')}0\r\n\r\n`)
      return text(socket)
    },
    answer: () => text(socket),
  }
}

const beginLinked = (url: string, link: Link) => beginUpload(url, '/uploads', link.params, 'file')

/** As if the link had been handed out long ago, and nothing had been heard of its upload. */
const ageLink = ({ db }: App) =>
  db
    .updateTable('photos')
    .set({ created_at: nowPlus(-17 * 60_000), check_after: nowPlus(-1) })
    .execute()

const checkAfter = async ({ db }: App) => {
  const { check_after } = await db.selectFrom('photos').select('check_after').executeTakeFirstOrThrow()
  return Date.parse(check_after ?? '')
}

test.concurrent('DELETE while the form of a link is uploaded leaves neither row nor file', () =>
  withUploads(SETUPS[0], async (app, url, link) => {
    const made = await link()
    const running = beginLinked(url, made)
    await expect.poll(() => originals(app)).toHaveLength(1)
    expect((await fetch(`${url}/photos/${made.image_id}`, { method: 'DELETE' })).status).toBe(204)
    const answer = await running.finish()
    expect(answer).toContain('404 Not Found')
    expect(await originals(app)).toEqual([])
    expect(await statusOf(app, made.image_id)).toBeUndefined()
    expect((await fetch(`${url}/files/originals/${made.image_id}`)).status).toBe(404)
  }))

test.concurrent('an upload that goes on keeps its row past its link, and is taken', () =>
  withUploads(SETUPS[0], async (app, url, link) => {
    const made = await link()
    const running = beginLinked(url, made)
    await expect.poll(() => originals(app)).toHaveLength(1)
    await ageLink(app)
    await expect.poll(() => checkAfter(app)).toBeGreaterThan(Date.now())
    await checkUploads(app)
    expect(await statusOf(app, made.image_id)).toBe('init')
    expect(await running.finish()).toContain('204 No Content')
    expect(await statusOf(app, made.image_id)).toBe('pending')
  }))

test.concurrent('an upload that ends too late is refused, and leaves no file', () =>
  withUploads(SETUPS[0], async (app, url, link) => {
    const made = await link()
    const running = beginLinked(url, made)
    await expect.poll(() => originals(app)).toHaveLength(1)
    await ageLink(app)
    await checkUploads(app)
    expect(await statusOf(app, made.image_id)).toBe('failed')
    const answer = await running.finish()
    expect(answer).toContain('403 Forbidden')
    expect(answer).toContain('"code":"upload-expired"')
    expect(await originals(app)).toEqual([])
  }))

test.concurrent('an upload whose photo has gone ends while it goes on', () =>
  withUploads(SETUPS[0], async (app, url, link) => {
    const made = await link()
    const running = beginLinked(url, made)
    await expect.poll(() => originals(app)).toHaveLength(1)
    await fetch(`${url}/photos/${made.image_id}`, { method: 'DELETE' })
    const sending = setInterval(() => running.send(), 200)
    await expect.poll(() => originals(app)).toEqual([])
    clearInterval(sending)
    expect(await running.finish()).toContain('404 Not Found')
  }))

test.concurrent.for(STORAGES)(
  'a form to $name that brings too few bytes ends, and leaves nothing',
  ({ with: withStorage }) =>
    withStorage((env) =>
      withUploads(
        SETUPS[0],
        async (app, url) => {
          const running = beginUpload(url, '/upload', {}, 'image')
          await expect.poll(() => app.db.selectFrom('photos').select('uuid').execute()).toHaveLength(1)
          const sending = setInterval(() => running.send(), 1_000)
          expect(await running.answer()).toContain('408 Request Timeout')
          clearInterval(sending)
          expect(await originals(app)).toEqual([])
          expect(await app.db.selectFrom('photos').select('uuid').execute()).toEqual([])
        },
        env,
      ),
    ),
)

test.concurrent('a form that is slow, but not too slow, is taken', () =>
  withUploads(SETUPS[0], async (app, url) => {
    const running = beginUpload(url, '/upload', {}, 'image')
    // 1.5 kB a second, for longer than a span of 30 s.
    const sending = setInterval(() => running.send('x'.repeat(1_500)), 1_000)
    await new Promise((resolve) => setTimeout(resolve, 40_000))
    clearInterval(sending)
    expect(await running.finish()).toContain('202 Accepted')
    expect(await originals(app)).toHaveLength(1)
  }))
