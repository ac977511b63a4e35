import net from 'node:net'
import { expect, test } from 'vitest'
import { SETUPS } from '../../support/app.ts'
import { originals, withServer } from '../support.ts'
import { FILE, type Link, statusOf, upload, withUploads } from './support.ts'

type Body = NonNullable<ConstructorParameters<typeof Response>[0]>

/** The link as it was handed out, led to the server of the test. */
const at = (url: string, fields: Record<string, string>) => `${url}/uploads?${new URLSearchParams(fields)}`

async function put(link: string, body: Body | null, headers: Record<string, string> = {}) {
  const answer = await fetch(link, { method: 'PUT', headers, body, ...({ duplex: 'half' } as object) })
  const text = await answer.text()
  return { status: answer.status, code: text ? (JSON.parse(text) as { code: string }).code : undefined }
}

const DONE = { status: 200, code: undefined }

test('takes bytes of any type and of no known length, once', () =>
  withUploads(SETUPS[0], async (app, url, link) => {
    const bodies: [Body, Record<string, string>][] = [
      [FILE, { 'content-type': 'application/json' }],
      [FILE, { 'content-type': 'multipart/form-data; boundary=b' }],
      [FILE, { 'content-type': 'image/jpeg' }],
      [new Blob([FILE]), {}],
      [new Blob([FILE]).stream(), {}],
    ]
    for (const [body, headers] of bodies) {
      const { params, image_id } = await link()
      expect(await put(at(url, params), body, headers)).toEqual(DONE)
      expect(await statusOf(app, image_id)).toBe('pending')
      expect(Buffer.from((await app.storage.read(params.key ?? '', 1_000)) ?? []).toString()).toBe(FILE)
      expect(await put(at(url, params), FILE)).toEqual({ status: 409, code: 'already-uploaded' })
    }
  }))

test('refuses links that were not handed out, have ended, or bytes that are too many or none', () =>
  withUploads(
    SETUPS[0],
    async (app, url, link) => {
      const [{ params, image_id }, other] = [await link(), await link()]
      const { key = '', policy = '', signature = '' } = params
      const refused = { status: 403, code: 'upload-refused' }
      const changed: Record<string, string>[] = [
        { key, policy, signature: signature.replace(/^./, 'x') },
        { key, policy: other.params.policy ?? '', signature },
        { key: other.params.key ?? '', policy, signature },
        { key, policy },
        {},
      ]
      for (const fields of changed) expect(await put(at(url, fields), FILE)).toEqual(refused)
      const { fields } = await app.storage.signUpload(key, { maxBytes: 100, expiresAt: new Date(0) })
      expect(await put(at(url, fields), FILE)).toEqual({ status: 403, code: 'upload-expired' })
      const tooMany = { status: 413, code: 'too-many-bytes' }
      expect(await put(at(url, params), 'x'.repeat(101))).toEqual(tooMany)
      expect(await put(at(url, params), new Blob(['x'.repeat(300_000)]).stream())).toEqual(tooMany)
      expect(await put(at(url, params), null)).toEqual({ status: 422, code: 'empty-source' })
      expect(await originals(app)).toEqual([])
      expect(await statusOf(app, image_id)).toBe('init')
      expect(await put(at(url, params), FILE)).toEqual(DONE)
    },
    { MAX_SOURCE_BYTES: '100' },
  ))

test('a form may have its fields in the link instead', () =>
  withUploads(SETUPS[0], async (app, url, link) => {
    const made: Link = await link()
    const byLink = { ...made, upload_link: at(url, made.params) }
    expect(await upload(byLink, FILE, {})).toEqual({ status: 204, code: undefined })
    expect(await statusOf(app, made.image_id)).toBe('pending')
  }))

test('bytes that are cut off leave nothing behind, and the link is still good', () =>
  withUploads(SETUPS[0], async (app, url, link) => {
    const { params, image_id } = await link()
    const { hostname, port } = new URL(url)
    const { pathname, search } = new URL(at(url, params))
    const socket = net.connect(Number(port), hostname)
    socket.write(`PUT ${pathname}${search} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n`)
    socket.write('x'.repeat(100_000))
    await expect.poll(async () => (await originals(app)).length).toBe(1)
    socket.destroy()
    await expect.poll(() => originals(app)).toEqual([])
    expect(await statusOf(app, image_id)).toBe('init')
    expect(await put(at(url, params), FILE)).toEqual(DONE)
  }))

test('of two uploads by one link the later one is refused, and replaces nothing', () =>
  withUploads(SETUPS[0], async (app, url, link) => {
    const { params, image_id } = await link()
    const rest = Promise.withResolvers<void>()
    const slow = new ReadableStream({
      async start(controller) {
        controller.enqueue(new TextEncoder().encode('x'.repeat(100_000)))
        await rest.promise
        controller.close()
      },
    })
    const later = put(at(url, params), slow)
    await expect.poll(async () => (await originals(app)).length).toBe(1)
    expect(await put(at(url, params), FILE)).toEqual(DONE)
    rest.resolve()
    expect(await later).toEqual({ status: 409, code: 'already-uploaded' })
    expect(Buffer.from((await app.storage.read(params.key ?? '', 1_000_000)) ?? []).toString()).toBe(FILE)
    expect(await originals(app)).toHaveLength(1)
    expect(await statusOf(app, image_id)).toBe('pending')
  }))

for (const [what, length] of [
  ['all of its bytes', FILE.length],
  ['some of its bytes', 1_000_000],
] as const)
  test(`a client that has sent ${what} and gone before they are read leaves nothing that waits`, () =>
    withUploads(SETUPS[0], async (app, _url, link) => {
      const { params, image_id } = await link()
      const [asked, gone] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      let end: unknown
      const storage: typeof app.storage = {
        ...app.storage,
        async verifyUpload(fields) {
          asked.resolve()
          await gone.promise
          return (await app.storage.verifyUpload?.(fields)) ?? { key: '', maxBytes: 0 }
        },
        putStream: (...given) =>
          app.storage.putStream(...given).then(
            (stored) => {
              end = 'stored'
              return stored
            },
            (error: Error) => {
              end = error.message
              throw error
            },
          ),
      }
      await withServer({ ...app, storage }, async (url) => {
        const { hostname, port } = new URL(url)
        const { pathname, search } = new URL(at(url, params))
        const socket = net.connect(Number(port), hostname)
        socket.write(
          `PUT ${pathname}${search} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${length}\r\n\r\n`,
        )
        socket.write(FILE)
        await asked.promise
        socket.destroy()
        // The server has heard of it when it answers what was sent later.
        await fetch(`${url}/health`)
        gone.resolve()
        await expect.poll(() => end).toBe('cut off')
      })
      expect(await originals(app)).toEqual([])
      expect(await statusOf(app, image_id)).toBe('init')
    }))
