import { describe, expect, test } from 'vitest'
import { add } from '../../../functions/photos/add.ts'
import type { App } from '../../../lib/app.ts'
import type { AppError } from '../../../lib/errors.ts'
import { findPhotos } from '../../../lib/photos/list.ts'
import { isAvailable, SETUPS, withApp } from '../../support/app.ts'
import { call, eventsOf, post, problemOf, withServer } from '../support.ts'

const URL_OF = 'https://example.com/photo.jpg'

const PENDING = {
  uuid: expect.stringMatching(/^[0-9a-f-]{36}$/),
  status: 'pending',
  door: 'photos',
  project_id: null,
  name: null,
  attempts: 0,
  metadata: null,
  error: null,
  thumbnails: [],
  created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
}

const rows = ({ db }: App) => db.selectFrom('photos').selectAll().execute()

/** The address as text, of any number of characters. */
const urlOf = (length: number) => `${URL_OF}?${'a'.repeat(length - URL_OF.length - 1)}`

describe.for(SETUPS)('POST /photos on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('adds one photo that waits, and says where it is', () =>
    withApp(
      setup,
      async (app) => {
        const answer = await call(add, app, { body: { url: URL_OF } })
        expect(answer.status).toBe(201)
        expect(answer.body).toMatchObject({ ...PENDING, url: URL_OF })
        const { uuid } = answer.body as { uuid: string }
        expect(answer.headers).toEqual({ location: `https://photos.example.com/photos/${uuid}` })
        expect(await rows(app)).toMatchObject([{ uuid, url: URL_OF, status: 'pending', queued_at: null }])
        expect(await eventsOf(app, 'image.created')).toMatchObject([
          { photo_uuid: uuid, publish_after: null },
        ])
        expect(await eventsOf(app, 'image.queued')).toEqual([])
      },
      { PUBLIC_URL: 'https://photos.example.com', AUTH: 'none' },
    ),
  )

  on('adds 1,000 photos in their order, the same URL as often as it is given', () =>
    withApp(setup, async (app) => {
      const urls = Array.from({ length: 1000 }, (_, i) => `https://example.com/${i % 999}`)
      const answer = await call(add, app, { body: { urls } })
      expect(answer.status).toBe(201)
      expect(answer.headers).toEqual({})
      const photos = answer.body as { uuid: string; url: string }[]
      expect(photos.map(({ url }) => url)).toEqual(urls)
      expect(new Set(photos.map(({ uuid }) => uuid)).size).toBe(1000)
      expect(await rows(app)).toHaveLength(1000)
    }),
  )

  on('answers a list of one with a list', () =>
    withApp(setup, async (app) => {
      const answer = await call(add, app, { body: { urls: [URL_OF] } })
      expect(answer).toMatchObject({ status: 201, body: [{ url: URL_OF }], headers: {} })
    }),
  )

  on('gives what the client calls the photos to all of them, or to each its own', () =>
    withApp(setup, async (app) => {
      const labels = { album: 'holiday', 'shop.id': '' }
      const all = { name: 'all', reference: 'order 7', labels, project_id: 7 }
      const one = (await call(add, app, { body: { url: URL_OF, ...all } })).body
      expect(one).toMatchObject(all)
      const urls = (await call(add, app, { body: { urls: [URL_OF, URL_OF], ...all } })).body
      expect(urls).toMatchObject([all, all])
      const items = [
        { url: URL_OF, name: 'own', reference: '8' },
        { url: URL_OF, name: 'mine' },
        { url: URL_OF },
      ]
      const many = await call(add, app, { body: { items, ...all } })
      expect(many).toMatchObject({
        status: 201,
        body: [{ ...all, ...items[0] }, { ...all, name: 'mine' }, all],
        headers: {},
      })
      expect((await call(add, app, { body: { items: [{ url: URL_OF }] } })).body).toMatchObject([PENDING])
      for (const label of ['album:holiday', 'shop.id:'])
        expect((await findPhotos(app.db, { label, limit: 10 })).items).toHaveLength(6)
    }),
  )

  on('queues what it adds where the request says so', () =>
    withApp(setup, async (app) => {
      const body = { urls: [URL_OF, URL_OF], process: true }
      const photos = (await call(add, app, { body })).body as { uuid: string; status: string }[]
      expect(photos.map(({ status }) => status)).toEqual(['pending', 'pending'])
      const queued = (await eventsOf(app, 'image.queued')).map(({ photo_uuid }) => photo_uuid)
      expect(queued.sort()).toEqual(photos.map(({ uuid }) => uuid).sort())
      expect((await rows(app)).every(({ queued_at }) => queued_at !== null)).toBe(true)
      await call(add, app, { body: { url: URL_OF, process: false } })
      expect(await eventsOf(app, 'image.queued')).toHaveLength(2)
    }),
  )

  on('says what is wrong with a body, and where', () =>
    withApp(setup, (app) =>
      withServer(app, async (url) => {
        for (const [body, pointer, detail] of WRONG) {
          const { errors = [] } = await problemOf(await post(`${url}/photos`, body), 422)
          expect.soft(errors, JSON.stringify(body).slice(0, 80)).toEqual([{ pointer, detail }])
        }
        const most = Object.fromEntries(
          Array.from({ length: 16 }, (_, i) => [`${i}`.padEnd(64, 'k'), '✓'.repeat(255)]),
        )
        const answer = await post(`${url}/photos`, { url: URL_OF, labels: most, reference: '✓'.repeat(255) })
        expect(await answer.json()).toMatchObject({ labels: most })
        expect(await rows(app)).toHaveLength(1)
      }),
    ),
  )

  on('tells the same source again, whatever its fragment or spelling', () =>
    withApp(setup, async (app) => {
      const urls = [
        'https://example.com/photo.jpg',
        'HTTPS://EXAMPLE.com:443/a/../photo.jpg#top',
        'https://example.com/photo.jpg?',
      ]
      await call(add, app, { body: { urls } })
      const hashes = (await rows(app)).map(({ url, url_hash }) => [url, url_hash])
      const byUrl = Object.fromEntries(hashes) as Record<string, string>
      expect(byUrl[urls[0] ?? '']).toMatch(/^[0-9a-f]{64}$/)
      expect(byUrl[urls[1] ?? '']).toBe(byUrl[urls[0] ?? ''])
      expect(byUrl[urls[2] ?? '']).not.toBe(byUrl[urls[0] ?? ''])
    }),
  )

  on('refuses sources that may not be fetched, naming the entry, and adds none', () =>
    withApp(
      setup,
      async (app) => {
        for (const [url, code] of [...INVALID, ...BLOCKED]) {
          const one = await refusal(app, { url })
          expect.soft([one.status, one.code, one.errors?.[0]?.pointer], url).toEqual([422, code, '/url'])
          const many = await refusal(app, { urls: [URL_OF, url] })
          expect.soft([many.code, many.errors?.[0]?.pointer], url).toEqual([code, '/urls/1'])
        }
        expect(await rows(app)).toEqual([])
      },
      { SOURCE_ALLOW_CIDRS: '' },
    ),
  )

  on('takes private addresses that are allowed on purpose, and URLs of 8,192 characters', () =>
    withApp(
      setup,
      async (app) => {
        const urls = ['http://10.1.2.3/a', 'http://[fd00::1]/a', urlOf(8192)]
        expect(await call(add, app, { body: { urls } })).toMatchObject({ status: 201 })
        expect((await refusal(app, { url: 'http://10.2.0.1/a' })).code).toBe('blocked-address')
      },
      { SOURCE_ALLOW_CIDRS: '10.1.0.0/16, fd00::/8' },
    ),
  )

  on('keeps nothing that the worker could not fetch: the URL is stored as http(s), or refused', () =>
    withApp(setup, (app) =>
      withServer(app, async (url) => {
        for (const source of [
          ` ${URL_OF}`,
          `\t${URL_OF}\n`,
          'ht\ntps://example.com/photo.jpg',
          'http:/example.com/a',
        ]) {
          const answer = await post(`${url}/photos`, { url: source })
          expect.soft([201, 422], source).toContain(answer.status)
        }
        for (const { url: stored } of await rows(app)) expect.soft(stored).toMatch(/^https?:\S+$/)
      }),
    ),
  )

  on('answers a URL with a NUL without a fault', () =>
    withApp(setup, (app) =>
      withServer(app, async (url) => {
        const answer = await post(`${url}/photos`, { url: 'https://example.com/\0.jpg' })
        expect([201, 422]).toContain(answer.status)
      }),
    ),
  )

  on('refuses bodies that are neither one URL nor 1 to 1,000', () =>
    withApp(setup, (app) =>
      withServer(app, async (url) => {
        for (const body of MALFORMED) {
          const problem = await problemOf(await post(`${url}/photos`, body), 422)
          expect.soft(problem.code, JSON.stringify(body).slice(0, 80)).toBe('invalid')
        }
        expect(await rows(app)).toEqual([])
      }),
    ),
  )
})

async function refusal(
  app: App,
  body: { url: string } | { urls: string[] },
): Promise<{ code: string } & Partial<Omit<AppError, 'code'>>> {
  return call(add, app, { body }).then(
    () => ({ code: 'accepted' }),
    (error: AppError) => error,
  )
}

const INVALID = [
  'example.com/photo.jpg',
  '//example.com/photo.jpg',
  '/etc/passwd',
  'originals/01890a5d-ac96-774b-bcce-b302099a8057',
  'http://',
  'http://[::1',
  'http://example.com:99999/',
  'http://1.2.3.256/',
  'file:///etc/passwd',
  'ftp://example.com/photo.jpg',
  'data:image/png;base64,AAAA',
  'javascript:alert(1)',
  'https://user@example.com/photo.jpg',
  'https://user:secret@example.com/photo.jpg',
  'https://:secret@example.com/photo.jpg',
  urlOf(8193),
].map((url) => [url, 'invalid-source'] as const)

const BLOCKED = [
  '127.0.0.1',
  '127.0.0.1.',
  '127.1',
  '2130706433',
  '0x7f000001',
  '0x7f.1',
  '017700000001',
  '%31%32%37.0.0.1',
  '１２７.0.0.1',
  '0.0.0.0',
  '0',
  '10.0.0.1',
  '172.16.0.1',
  '192.168.1.1',
  '100.64.0.1',
  '169.254.169.254',
  '2852039166',
  '0xa9fea9fe',
  '168.63.129.16',
  '224.0.0.1',
  '255.255.255.255',
  '[::]',
  '[::1]',
  '[::ffff:127.0.0.1]',
  '[::ffff:a9fe:a9fe]',
  '[::127.0.0.1]',
  '[64:ff9b::7f00:1]',
  '[fe80::1]',
  '[fd00:ec2::254]',
].map((host) => [`http://${host}/photo.jpg`, 'blocked-address'] as const)

const ONE_WAY = 'must have one of "url", "urls" and "items"'
const LINE = 'must be a text without control characters'
const KEYS =
  'must be an object whose keys have 1 to 64 letters, digits, "_", "." and "-", the first a letter or digit'

const WRONG: [body: object, pointer: string, detail: string][] = [
  [{}, '', ONE_WAY],
  [{ name: 'a', process: true }, '', ONE_WAY],
  [{ url: URL_OF, items: [{ url: URL_OF }] }, '', ONE_WAY],
  [{ items: [] }, '/items', 'must have at least one entry'],
  [{ items: [{ name: 'a' }] }, '/items/0/url', 'is missing'],
  [{ items: [{ url: URL_OF, labels: {} }] }, '/items/0/labels', 'is not known here'],
  [{ items: [{ url: URL_OF }, { url: 'ftp://a.b/' }] }, '/items/1/url', 'The URL is neither http nor https'],
  [{ url: URL_OF, versions: { a: [] } }, '/versions', 'is not known here'],
  [{ url: URL_OF, callback_url: URL_OF }, '/callback_url', 'is not known here'],
  [{ url: URL_OF, process: 'yes' }, '/process', 'must be a boolean'],
  [{ url: URL_OF, reference: '' }, '/reference', 'must have at least one character'],
  [{ url: URL_OF, reference: 'a'.repeat(256) }, '/reference', 'must have at most 255 characters'],
  [{ url: URL_OF, reference: 'a\0' }, '/reference', LINE],
  [{ url: URL_OF, name: '\ud800' }, '/name', LINE],
  [{ url: URL_OF, labels: ['a'] }, '/labels', 'must be an object'],
  [{ url: URL_OF, labels: { album: 7 } }, '/labels/album', 'must be a string'],
  [{ url: URL_OF, labels: { album: 'a\0' } }, '/labels/album', LINE],
  [{ url: URL_OF, labels: { album: 'a'.repeat(256) } }, '/labels/album', 'must have at most 255 characters'],
  [{ url: URL_OF, labels: { 'a:b': '' } }, '/labels', KEYS],
  [{ url: URL_OF, labels: { _album: '' } }, '/labels', KEYS],
  [{ url: URL_OF, labels: { ['k'.repeat(65)]: '' } }, '/labels', KEYS],
]

const MALFORMED: unknown[] = [
  {},
  [],
  [URL_OF],
  'null',
  JSON.stringify(URL_OF),
  { url: '' },
  { url: null },
  { url: 7 },
  { url: [URL_OF] },
  { url: URL_OF, urls: [URL_OF] },
  { url: URL_OF, status: 'completed' },
  { urls: [] },
  { urls: URL_OF },
  { urls: [URL_OF, ''] },
  { urls: [URL_OF, null] },
  { urls: Array.from({ length: 1001 }, () => URL_OF) },
]
