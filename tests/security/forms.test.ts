import net from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { expectNoSecrets, withServer } from '../functions/support.ts'
import { SETUPS, withApp } from '../support/app.ts'

const FORM = 'multipart/form-data; boundary=b'
const LONG = 'a'.repeat(20_000)
const field = (name: string, value: string) =>
  `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`
const file = (content: string) =>
  `--b\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n${content}\r\n`

/** Answers to a form, sent as it is; the client goes on to listen. */
async function send(url: string, path: string, type: string, body: string): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = net.connect(Number(port), hostname)
  socket.write(
    `POST ${path} HTTP/1.1\r\nHost: ${hostname}\r\nConnection: close\r\nContent-Type: ${type}\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
  return await text(socket)
}

const MALFORMED: readonly [what: string, type: string, body: string][] = [
  ['without a boundary', 'multipart/form-data', `${field('a', 'b')}--b--\r\n`],
  ['with an empty boundary', 'multipart/form-data; boundary=', `${field('a', 'b')}--b--\r\n`],
  ['of another boundary', FORM, `${field('a', 'b')}--b--\r\n`.replaceAll('--b', '--c')],
  ['cut off in a field', FORM, field('a', 'b').slice(0, -3)],
  ['cut off in the headers of a part', FORM, file('x').slice(0, 40)],
  ['cut off after a part', FORM, field('a', 'b')],
  ['with a name that is too long', FORM, `${field(LONG, 'b')}--b--\r\n`],
  ['with a value that is too long', FORM, `${field('a', LONG)}--b--\r\n`],
  ['with a name of every object', FORM, `${field('__proto__', 'b')}--b--\r\n`],
]

test.for(['/upload', '/uploads'])('a malformed form is 400 at %s', (path) =>
  withApp(SETUPS[0], (app) =>
    withServer(app, async (url) => {
      for (const [what, type, body] of MALFORMED) {
        const answer = await send(url, path, type, body)
        expectNoSecrets(answer)
        expect.soft(answer.slice(0, 12), what).toBe('HTTP/1.1 400')
        expect.soft(answer, what).toContain('"code":"malformed-request"')
      }
      expect((await fetch(`${url}/health`)).status).toBe(200)
    }),
  ),
)

test('a file that is cut off leaves neither a row nor bytes', () =>
  withApp(SETUPS[0], (app) =>
    withServer(app, async (url) => {
      const answer = await send(url, '/upload', FORM, file('x'.repeat(100_000)).slice(0, -3))
      expect(answer.slice(0, 12)).toBe('HTTP/1.1 400')
      expect(await app.db.selectFrom('photos').selectAll().execute()).toEqual([])
    }),
  ))

test('a form of more than 20 sources of the largest size is refused; what was taken before is named', () =>
  withApp(
    SETUPS[0],
    (app) =>
      withServer(app, async (url) => {
        const upload = async (...sizes: number[]) => {
          const body = new FormData()
          for (const [index, size] of sizes.entries())
            body.append('image', new Blob(['x'.repeat(size)]), `${index}.jpg`)
          const answer = await fetch(`${url}/upload`, { method: 'POST', body })
          return { status: answer.status, ...((await answer.json()) as { code?: string; results?: unknown }) }
        }
        expect(await upload(...Array<number>(10).fill(90_000))).toMatchObject({ status: 202 })
        expect(await upload(...Array<number>(20).fill(200_000))).toMatchObject({
          status: 413,
          code: 'form-too-large',
        })
        expect(await upload(1, 3_000_000)).toMatchObject({
          status: 202,
          results: [
            { name: '0.jpg', uuid: expect.any(String) },
            { name: '1.jpg', error: { code: 'too-many-bytes' } },
            { name: '', error: { code: 'form-too-large' } },
          ],
        })
      }),
    { MAX_SOURCE_BYTES: '100000' },
  ))

test('a file without a name or a field is refused, and not a fault', () =>
  withApp(SETUPS[0], (app) =>
    withServer(app, async (url) => {
      const nameless =
        '--b\r\nContent-Disposition: form-data; name="image"\r\nContent-Type: application/octet-stream\r\n\r\nx\r\n--b--\r\n'
      const answer = await send(url, '/upload', FORM, nameless)
      expect(answer).toContain('"code":"invalid"')
    }),
  ))

test('a form of too many fields is refused as too large', () =>
  withApp(SETUPS[0], (app) =>
    withServer(app, async (url) => {
      const answer = await send(url, '/upload', FORM, `${field('a', 'b').repeat(31)}--b--\r\n`)
      expect(answer.slice(0, 12)).toBe('HTTP/1.1 413')
      expect(answer).toContain('"code":"too-many-files"')
    }),
  ))
