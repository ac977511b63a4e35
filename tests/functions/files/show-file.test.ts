import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { parse } from 'content-disposition'
import { uuidv7 } from 'uuidv7'
import { describe, expect, test } from 'vitest'
import { showFile } from '../../../functions/files/show-file.ts'
import type { App } from '../../../lib/app.ts'
import { originalKey, renditionKey } from '../../../lib/storage/port.ts'
import { type Environment, SETUPS, withApp } from '../../support/app.ts'
import { jpeg, sample } from '../../support/images.ts'
import { call, expectNoSecrets, getRaw, insertPhoto, problemOf, withServer } from '../support.ts'

const FILE = 'ab/01890a5d-ac96-774b-bcce-b302099a80ab.jpg'
const TEN = Buffer.from('0123456789')

/** A server with a file of ten bytes, `url` being its address. */
const withFile = (use: (url: string, app: App, base: string) => Promise<void>, more: Environment = {}) =>
  withApp(
    SETUPS[0],
    async (app) => {
      await app.storage.put(renditionKey(FILE), TEN)
      await withServer(app, (base) => use(`${base}/files/${FILE}`, app, base))
    },
    more,
  )

const etagOf = async (url: string) => (await fetch(url)).headers.get('etag') ?? ''

describe('GET /files/{path}', () => {
  test('is a function that gives a stream with a strong ETag', () =>
    withApp(SETUPS[0], async (app) => {
      const image = await jpeg(sample(64, 48))
      await app.storage.put(renditionKey(FILE), image)
      const answer = await call(showFile, app, { params: { '*': FILE } })
      expect(answer).toMatchObject({
        status: 200,
        headers: {
          etag: expect.stringMatching(/^"[\w-]+"$/),
          'cache-control': 'no-cache',
          'content-type': 'image/jpeg',
          'content-length': image.length,
        },
      })
      expect((await buffer(answer.body as Readable)).equals(image)).toBe(true)
    }))

  test('gives the file by its thumbnail url, wherever the thumbnail root lies', () =>
    withApp(SETUPS[0], async ({ config }) => {
      const thumbsDir = path.join(config.storageDir, '..', 'elsewhere')
      await withFile(
        async (url, app) => {
          expect(app.config.thumbsDir).toBe(path.resolve(thumbsDir))
          expect(await (await fetch(url)).text()).toBe('0123456789')
        },
        { THUMBS_DIR: thumbsDir },
      )
    }))

  test.for([
    ['a.jpg', 'image/jpeg'],
    ['a.png', 'image/png'],
    ['a.webp', 'image/webp'],
    ['a.html', 'application/octet-stream'],
    ['a', 'application/octet-stream'],
  ] as const)('serves %s as %s', ([name, type]) =>
    withFile(async (_url, app, base) => {
      await app.storage.put(renditionKey(name), TEN)
      const answer = await fetch(`${base}/files/${name}`)
      expect([answer.status, answer.headers.get('content-type')]).toEqual([200, type])
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
    }),
  )

  test.for(['', '.html', '.jpg'])('serves an original named uuid%s as bytes, as it was uploaded', (ending) =>
    withFile(async (_url, app, base) => {
      const key = `${originalKey(uuidv7())}${ending}`
      await app.storage.put(key, Buffer.from('<script>alert(1)</script>'))
      const answer = await fetch(`${base}/files/${key}`)
      expect(await answer.text()).toBe('<script>alert(1)</script>')
      expect(answer.headers.get('content-type')).toBe('application/octet-stream')
    }),
  )

  test('answers 304 without a body when the client has it', () =>
    withFile(async (url) => {
      const etag = await etagOf(url)
      for (const known of [etag, `W/${etag}`, `"other", ${etag}`, `"other",W/${etag} , "more"`, '*']) {
        const answer = await fetch(url, { headers: { 'if-none-match': known } })
        expect
          .soft([answer.status, await answer.text(), answer.headers.get('etag')], known)
          .toEqual([304, '', etag])
        expect.soft(answer.headers.get('cache-control')).toBe('no-cache')
      }
      for (const other of ['"other"', etag.slice(1, -1), `"${etag}"`, '']) {
        const answer = await fetch(url, { headers: { 'if-none-match': other } })
        expect.soft(answer.status, other).toBe(200)
      }
    }))

  test('gives another ETag once the file has changed, even to as many bytes', () =>
    withFile(async (url, app) => {
      const etag = await etagOf(url)
      expect(await etagOf(url)).toBe(etag)
      await app.storage.put(renditionKey(FILE), Buffer.from('9876543210'))
      const answer = await fetch(url, { headers: { 'if-none-match': etag } })
      expect([answer.status, await answer.text()]).toEqual([200, '9876543210'])
      expect(answer.headers.get('etag')).not.toBe(etag)
    }))

  test.for([
    ['bytes=0-3', '0123', 'bytes 0-3/10'],
    ['bytes=9-9', '9', 'bytes 9-9/10'],
    ['bytes=5-', '56789', 'bytes 5-9/10'],
    ['bytes=-3', '789', 'bytes 7-9/10'],
    ['bytes=-99', '0123456789', 'bytes 0-9/10'],
    ['bytes=8-99', '89', 'bytes 8-9/10'],
  ] as const)('gives the range %s', ([range, body, contentRange]) =>
    withFile(async (url) => {
      const answer = await fetch(url, { headers: { range } })
      expect([answer.status, await answer.text()]).toEqual([206, body])
      expect(answer.headers.get('content-range')).toBe(contentRange)
      expect(answer.headers.get('content-length')).toBe(String(body.length))
      expect(answer.headers.get('etag')).toMatch(/^"/)
    }),
  )

  test.for(['bytes=10-', 'bytes=99-100', 'bytes=-0'])('refuses the range %s with 416', (range) =>
    withFile(async (url) => {
      const answer = await fetch(url, { headers: { range } })
      expect([answer.status, answer.headers.get('content-range')]).toEqual([416, 'bytes */10'])
    }),
  )

  test.for(['bytes=5-2', 'bytes=0-1,3-4', 'lines=0-3', 'bytes=', 'bytes=-', 'bytes=a-b', 'bytes=1'])(
    'gives all of the file for the range %s',
    (range) =>
      withFile(async (url) => {
        const answer = await fetch(url, { headers: { range } })
        expect([answer.status, await answer.text()]).toEqual([200, '0123456789'])
        expect(answer.headers.get('accept-ranges')).toBe('bytes')
      }),
  )

  test('gives a range only of the version that If-Range names', () =>
    withFile(async (url) => {
      const etag = await etagOf(url)
      const statuses = []
      for (const named of [etag, '"other"', `W/${etag}`])
        statuses.push((await fetch(url, { headers: { range: 'bytes=0-3', 'if-range': named } })).status)
      expect(statuses).toEqual([206, 200, 200])
    }))

  test('answers HEAD like GET, without the bytes', () =>
    withFile(async (url) => {
      const [get, head] = [await fetch(url), await fetch(url, { method: 'HEAD' })]
      expect([head.status, await head.text()]).toEqual([200, ''])
      for (const name of ['etag', 'content-length', 'content-type', 'cache-control', 'accept-ranges'])
        expect.soft(head.headers.get(name), name).toBe(get.headers.get(name))
      const known = await fetch(url, { method: 'HEAD', headers: { 'if-none-match': await etagOf(url) } })
      expect(known.status).toBe(304)
      expect((await fetch(`${url}x`, { method: 'HEAD' })).status).toBe(404)
    }))

  test('does not answer HEAD with a range, which is for GET alone', () =>
    withFile(async (url) => {
      const head = await fetch(url, { method: 'HEAD', headers: { range: 'bytes=0-3' } })
      expect([head.status, head.headers.get('content-length')]).toEqual([200, '10'])
    }))

  test('gives an empty file', () =>
    withFile(async (_url, app, base) => {
      await app.storage.put(renditionKey('empty.jpg'), Buffer.alloc(0))
      const answer = await fetch(`${base}/files/empty.jpg`)
      expect([answer.status, answer.headers.get('content-length'), await answer.text()]).toEqual([
        200,
        '0',
        '',
      ])
      expect((await fetch(`${base}/files/empty.jpg`, { headers: { range: 'bytes=0-' } })).status).toBe(416)
    }))

  test('makes no difference of a trailing slash', () =>
    withFile(async (url) => {
      const answer = await fetch(`${url}/`)
      expect([answer.status, await answer.text()]).toEqual([200, '0123456789'])
    }))

  test('gives no file outside the two roots, no dot file and no directory', () =>
    withFile(async (_url, { config, storage }, base) => {
      await storage.put(originalKey('known'), TEN)
      for (const root of [config.storageDir, config.thumbsDir]) {
        await mkdir(path.join(root, '.git'), { recursive: true })
        await writeFile(path.join(root, '.env'), 'SECRET')
        await writeFile(path.join(root, '.git', 'config'), 'SECRET')
      }
      await writeFile(path.join(config.storageDir, 'secret'), 'SECRET')
      await writeFile(path.join(config.storageDir, '..', 'secret'), 'SECRET')
      expect((await getRaw(base, '/files/originals/known')).status).toBe(200)
      for (const name of FORBIDDEN) {
        const answer = await getRaw(base, `/files/${name}`)
        expect.soft(answer.body, name).not.toMatch(/SECRET|SQLite|root:/)
        expect.soft([400, 404], `${name} ${answer.status}`).toContain(answer.status)
        expect.soft(answer.headers['content-type'], name).toMatch(/^application\/problem\+json/)
        expectNoSecrets(answer.body)
      }
    }))

  test.for([
    ['a file that is not there', 'ab/other.jpg'],
    ['something below a file', `${FILE}/more.jpg`],
    ['a name longer than a file system takes', `ab/${'n'.repeat(300)}.jpg`],
    ['a key longer than any of ours', 'a/'.repeat(300)],
  ] as const)('answers 404 for %s', ([, name]) =>
    withFile(async (_url, _app, base) => {
      expect((await problemOf(await fetch(`${base}/files/${name}`), 404)).code).toBe('not-found')
    }),
  )
})

/** Raw, encoded once and twice, with the other slash, absolute, hidden, with a NUL. */
const FORBIDDEN = [
  '',
  'ab',
  'originals',
  'originals/',
  '../secret',
  '../../secret',
  'originals/../secret',
  'originals/../../secret',
  'originals/..',
  'ab/../../secret',
  './secret',
  '%2e%2e/secret',
  '%2E%2E/%2E%2E/secret',
  '..%2fsecret',
  'originals%2f..%2fsecret',
  'originals/%2e%2e/secret',
  'originals%2f%2e%2e%2f%2e%2e%2fphotos.db',
  '%252e%252e/secret',
  '..%5csecret',
  '..\\secret',
  '....//secret',
  '/etc/passwd',
  '//etc/passwd',
  '%2fetc%2fpasswd',
  'file:///etc/passwd',
  '.env',
  '%2eenv',
  '.git/config',
  'originals/.env',
  'originals/.git/config',
  'ab/.hidden.jpg',
  'known%00.jpg',
  'originals/known%00',
  'originals/known%',
  'originals/%ff',
  'originals/known%20',
  'thumbs/ab',
]

describe('a browser', () => {
  const uploaded = async (app: App, name: string, content: Uint8Array | string) => {
    const uuid = await insertPhoto(app, { name, door: 'page' })
    await app.storage.put(originalKey(uuid), Buffer.from(content))
    return originalKey(uuid)
  }

  const dispositionOf = ({ headers }: Response) => {
    const { type, parameters } = parse(headers.get('content-disposition') ?? '')
    return [type, parameters.filename]
  }

  test.for([
    ['cat.jpg', 'cat.jpg'],
    ['cat.JPEG', 'cat.JPEG'],
    ['cat', 'cat.jpg'],
    ['cat.html', 'cat.html.jpg'],
    ['../a\\b.jpg', '.._a_b.jpg'],
    ['a"b.jpg', 'a"b.jpg'],
    ['Käße 猫.jpg', 'Käße 猫.jpg'],
  ] as const)('shows the original named %s, and saves it as %s', ([name, saved]) =>
    withFile(async (_url, app, base) => {
      const key = await uploaded(app, name, await jpeg(sample(64, 48)))
      const answer = await fetch(`${base}/files/${key}`)
      expect(answer.headers.get('content-type')).toBe('image/jpeg')
      expect(dispositionOf(answer)).toEqual(['inline', saved])
    }),
  )

  test.for(['page.html', 'cat.jpg', 'drawing.svg'])('saves what is no image, named %s', (name) =>
    withFile(async (_url, app, base) => {
      const key = await uploaded(
        app,
        name,
        '<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>',
      )
      const answer = await fetch(`${base}/files/${key}`)
      expect(answer.headers.get('content-type')).toBe('application/octet-stream')
      expect(dispositionOf(answer)).toEqual(['attachment', name])
    }),
  )

  test('shows a rendition, on any page, and saves it under its name', () =>
    withFile(async (url) => {
      const answer = await fetch(url)
      expect(dispositionOf(answer)).toEqual(['inline', path.basename(FILE)])
      expect(answer.headers.get('cross-origin-resource-policy')).toBe('cross-origin')
    }))
})
