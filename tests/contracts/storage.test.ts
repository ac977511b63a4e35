import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { readConfig } from '../../lib/config/index.ts'
import { originalKey, renditionKey } from '../../lib/storage/port.ts'
import { openS3 } from '../../lib/storage/s3.ts'
import { openS3Server } from '../support/s3-server.ts'
import { bytesOf, data, type Opened, source, withDirectory } from './directory.ts'

type Backend = { name: string; with(use: (opened: Opened) => Promise<void>): Promise<void> }

/** Runs `use` with a bucket of its own. */
async function withBucket(use: (opened: Opened) => Promise<void>): Promise<void> {
  const server = await openS3Server()
  const { s3 } = readConfig(server.env)
  if (!s3) throw new Error('no bucket is configured')
  try {
    await use({
      storage: openS3(s3),
      everything: async () => [
        ...[...server.objects.keys()].sort(),
        ...Array.from({ length: server.openUploads() }, () => 'an open upload'),
      ],
    })
  } finally {
    await server.close()
  }
}

const BACKENDS: readonly Backend[] = [
  { name: 'directories', with: withDirectory },
  { name: 'a bucket', with: withBucket },
]

const KEY = originalKey('a')
/** The same type whatever the backend brings. */
const NO_KEYS = {
  nothing: '',
  'the root alone': 'originals',
  'a slash at its end': 'originals/a/',
  'an empty segment': 'originals//a',
  'a step up': 'originals/../a',
  'steps up at its end': 'thumbs/a/..',
  'a step up at its start': '../originals/a',
  'a step on the spot': 'originals/./a',
  'a start on the spot': './originals/a',
  'an absolute path': '/originals/a',
  'a file of the system': '/etc/passwd',
  'a dot file': 'originals/.a',
  'a dot directory': 'thumbs/.a/b',
  'a NUL': 'originals/a\0b',
  'a NUL at its end': 'originals/a\0',
  'a line break': 'originals/a\n',
  'a backslash': 'originals\\..\\a',
  'a dot in code': 'originals/%2e%2e/a',
  'a letter beyond ASCII': 'originals/é',
  'another root': 'secrets/a',
  'a root in capitals': 'Originals/a',
  'nine segments': `originals${'/a'.repeat(9)}`,
  'more than 512 characters': `originals/${'a'.repeat(503)}`,
}

const streamOf = async ({ storage }: Opened, key: string, range?: { start: number; end: number }) =>
  buffer(storage.stream(key, range))

describe.for(BACKENDS)('storage in $name', ({ with: withStorage }) => {
  test('gives back what was put, whole, in part and as facts', () =>
    withStorage(async (opened) => {
      const { storage } = opened
      await storage.put(KEY, data('0123456789'))
      expect(await bytesOf(storage.read(KEY, 10))).toEqual(data('0123456789'))
      expect(await streamOf(opened, KEY)).toEqual(data('0123456789'))
      expect(await streamOf(opened, KEY, { start: 2, end: 4 })).toEqual(data('234'))
      expect(await streamOf(opened, KEY, { start: 9, end: 9 })).toEqual(data('9'))
      const head = await storage.head(KEY)
      expect(head).toEqual({
        bytes: 10,
        etag: expect.stringMatching(/^"[^"\s]+"$/),
        modified: expect.any(Date),
      })
      expect(Math.abs(Date.now() - Number(head?.modified))).toBeLessThan(60_000)
      expect(await storage.head(KEY)).toEqual(head)
    }))

  test('says undefined, or fails as a stream, where there is nothing', () =>
    withStorage(async (opened) => {
      const { storage } = opened
      await storage.put(KEY, data('a'))
      for (const key of [originalKey('b'), `${KEY}/below`, originalKey('x'.repeat(300))]) {
        expect(await storage.read(key, 10)).toBeUndefined()
        expect(await storage.head(key)).toBeUndefined()
        await expect(streamOf(opened, key)).rejects.toThrow()
        expect(await storage.remove(key)).toBeUndefined()
      }
      expect(await bytesOf(storage.read(KEY, 10))).toEqual(data('a'))
    }))

  test('a second put replaces the first, under another etag', () =>
    withStorage(async ({ storage, everything }) => {
      await storage.put(KEY, data('first'))
      const first = await storage.head(KEY)
      await storage.put(KEY, data('other'))
      const second = await storage.head(KEY)
      expect(await bytesOf(storage.read(KEY, 10))).toEqual(data('other'))
      expect(second?.etag).not.toBe(first?.etag)
      expect(await bytesOf(storage.read(KEY, 10, second?.etag))).toEqual(data('other'))
      await expect(storage.read(KEY, 10, first?.etag)).rejects.toMatchObject({ code: 'source-changed' })
      expect(await everything()).toHaveLength(1)
    }))

  test('whoever reads while it is replaced sees one version, complete', () =>
    withStorage(async ({ storage, everything }) => {
      const versions = Array.from({ length: 8 }, (_, i) => Buffer.alloc(200_000, i))
      await storage.put(KEY, Buffer.alloc(200_000, 0))
      const writing = Promise.all(versions.map((version) => storage.put(KEY, version)))
      for (let i = 0; i < 40; i++) {
        const read = await storage.read(KEY, 1_000_000)
        expect(versions.some((version) => version.equals(read ?? data('')))).toBe(true)
      }
      await writing
      expect(await everything()).toHaveLength(1)
    }))

  test('reads no more than maxBytes', () =>
    withStorage(async ({ storage }) => {
      await storage.put(KEY, data('0123456789'))
      await expect(storage.read(KEY, 9)).rejects.toMatchObject({ code: 'too-many-bytes', status: 413 })
      expect(await storage.read(KEY, 10)).toHaveLength(10)
    }))

  test('takes a stream, of several at once one, complete', () =>
    withStorage(async ({ storage, everything }) => {
      const info = await storage.putStream(KEY, source('012', '345', '67'), 8)
      expect(info).toMatchObject({ bytes: 8, etag: (await storage.head(KEY))?.etag })
      expect(await bytesOf(storage.read(KEY, 8))).toEqual(data('01234567'))
      const key = originalKey('b')
      const texts = ['first', 'other', 'third']
      await Promise.all(texts.map((text) => storage.putStream(key, source(...text), 8)))
      expect(texts).toContain(Buffer.from((await storage.read(key, 8)) ?? []).toString())
      expect(await everything()).toHaveLength(2)
    }))

  test('keeps nothing of a stream that fails, is empty or too long, nor touches what was there', () =>
    withStorage(async ({ storage, everything }) => {
      async function* broken() {
        yield data('half')
        throw new Error('the client went away')
      }
      const refuse = async (key: string) => {
        await expect(storage.putStream(key, Readable.from(broken()), 100)).rejects.toThrow('went away')
        await expect(storage.putStream(key, source('0123', '4'), 4)).rejects.toMatchObject({
          code: 'too-many-bytes',
        })
        await expect(storage.putStream(key, source(), 4)).rejects.toMatchObject({ code: 'empty-source' })
      }
      await refuse(KEY)
      expect(await storage.head(KEY)).toBeUndefined()
      expect(await everything()).toEqual([])
      await storage.put(KEY, data('there'))
      await refuse(KEY)
      expect(await bytesOf(storage.read(KEY, 10))).toEqual(data('there'))
      expect(await everything()).toHaveLength(1)
    }))

  test('removes one object, however often', () =>
    withStorage(async ({ storage, everything }) => {
      await storage.put(KEY, data('a'))
      await storage.put(originalKey('b'), data('b'))
      await storage.remove(KEY)
      await storage.remove(KEY)
      expect(await storage.head(KEY)).toBeUndefined()
      expect(await bytesOf(storage.read(originalKey('b'), 1))).toEqual(data('b'))
      expect(await everything()).toHaveLength(1)
    }))

  test('lists what begins with a prefix', () =>
    withStorage(async ({ storage }) => {
      const keys = async (prefix: string) =>
        (await Array.fromAsync(storage.list(prefix))).map(({ key, bytes }) => `${key} ${bytes}`).sort()
      expect(await keys('')).toEqual([])
      await storage.put(KEY, data('a'))
      await storage.put(renditionKey('ab/cd.jpg'), data('bb'))
      await storage.put(renditionKey('ab-c.jpg'), data('ccc'))
      expect(await keys('')).toEqual(['originals/a 1', 'thumbs/ab-c.jpg 3', 'thumbs/ab/cd.jpg 2'])
      expect(await keys('thumbs/ab/')).toEqual(['thumbs/ab/cd.jpg 2'])
      expect(await keys('thumbs/ab')).toHaveLength(2)
    }))

  test('lists in the order of the keys, from any of them on', () =>
    withStorage(async ({ storage }) => {
      const keys = [
        originalKey('a'),
        originalKey('ab'),
        renditionKey('ab-c.jpg'),
        renditionKey('ab/cd.jpg'),
        renditionKey('ab/ce.jpg'),
        renditionKey('abc/d.jpg'),
        renditionKey('b.jpg'),
      ]
      for (const key of keys.toReversed()) await storage.put(key, data('x'))
      const list = async (prefix: string, after?: string) =>
        (await Array.fromAsync(storage.list(prefix, after))).map(({ key }) => key)
      expect(await list('')).toEqual(keys)
      for (const [i, key] of keys.entries()) expect(await list('', key)).toEqual(keys.slice(i + 1))
      expect(await list('', renditionKey('ab/cdx'))).toEqual(keys.slice(4))
      expect(await list('originals/', keys[0])).toEqual([keys[1]])
      expect(await list('thumbs/', keys[3])).toEqual(keys.slice(4))
    }))

  test('knows its owner, in each of its places, and shows it in no list', () =>
    withStorage(async ({ storage }) => {
      expect(await storage.owners()).toEqual([undefined, undefined])
      await storage.setOwner('first')
      await storage.setOwner('second')
      expect(await storage.owners()).toEqual(['second', 'second'])
      expect(await Array.fromAsync(storage.list(''))).toEqual([])
      expect(await Array.fromAsync(storage.unfinished(true))).toEqual([])
    }))

  test('checks that it can store, and leaves no trace of it', () =>
    withStorage(async ({ storage, everything }) => {
      expect(await storage.check()).toBeUndefined()
      expect(await everything()).toEqual([])
    }))

  test.for(Object.entries(NO_KEYS))('refuses as a key %s', ([, key]) =>
    withStorage(async (opened) => {
      const { storage, everything } = opened
      const refused = { code: 'invalid-source', status: 422 }
      const attempts = [
        async () => storage.put(key, data('a')),
        async () => storage.putStream(key, source('a'), 1),
        async () => storage.read(key, 10),
        async () => storage.head(key),
        async () => storage.remove(key),
        async () => streamOf(opened, key),
      ]
      for (const attempt of attempts) await expect(attempt()).rejects.toMatchObject(refused)
      expect(await everything()).toEqual([])
    }),
  )
})
