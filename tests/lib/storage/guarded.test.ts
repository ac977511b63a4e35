import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, expect, onTestFinished, test, vi } from 'vitest'
import { readConfig } from '../../../lib/config/index.ts'
import type { AppError } from '../../../lib/errors.ts'
import { guarded } from '../../../lib/storage/guarded.ts'
import type { Storage } from '../../../lib/storage/port.ts'
import { openS3 } from '../../../lib/storage/s3.ts'
import { openS3Server } from '../../support/s3-server.ts'

const server = await openS3Server()
afterAll(() => server.close())

function openBucket(deadlines: { answerMs: number; contentMs: number }): Storage {
  const { s3 } = readConfig(server.env)
  if (!s3) throw new Error('no bucket')
  return guarded(openS3(s3), deadlines)
}

const KEY = 'originals/one'

/** Bytes whose sender takes so long, in ms, between the first and the last. */
async function* slowly(ms: number) {
  yield Buffer.from('one')
  await delay(ms)
  yield Buffer.from('two')
}

/** Every call that asks the bucket. */
const CALLS: Record<string, (storage: Storage) => Promise<unknown>> = {
  put: (storage) => storage.put(KEY, Buffer.from('bytes')),
  putStream: (storage) => storage.putStream(KEY, slowly(0), 100),
  read: (storage) => storage.read(KEY, 100),
  head: (storage) => storage.head(KEY),
  remove: (storage) => storage.remove(KEY),
  list: (storage) => Array.fromAsync(storage.list('originals/')),
  check: (storage) => storage.check(),
  stream: (storage) => Array.fromAsync(storage.stream(KEY)),
}

const codeOf = (calling: Promise<unknown>) =>
  calling.then(
    () => undefined,
    (error: AppError) => error.code,
  )

test.for([503, 500, 403])('a bucket that answers %s is away', async (status) => {
  const storage = openBucket({ answerMs: 60_000, contentMs: 60_000 })
  server.fail(Number.POSITIVE_INFINITY, status)
  const codes = await Promise.all(Object.values(CALLS).map((call) => codeOf(call(storage))))
  server.fail(0)
  expect(codes).toEqual(codes.map(() => 'storage-unavailable'))
})

test('a bucket that does not answer is away', async () => {
  const storage = openBucket({ answerMs: 200, contentMs: 200 })
  server.hang(true)
  const codes = await Promise.all(Object.values(CALLS).map((call) => codeOf(call(storage))))
  server.hang(false)
  expect(codes).toEqual(codes.map(() => 'storage-unavailable'))
})

const ms = (n: number) => ({ answerMs: n, contentMs: n })

/** A storage of which a part is replaced. */
const withPart = (part: Partial<Storage>): Storage => ({ ...openBucket(ms(60_000)), ...part })

test('whoever stops reading a list ends it', async () => {
  let ended = 0
  async function* list() {
    try {
      for (;;) yield { key: KEY, bytes: 1, etag: '"e"', modified: new Date() }
    } finally {
      ended++
    }
  }
  for await (const { key } of guarded(withPart({ list })).list('')) {
    expect(key).toBe(KEY)
    break
  }
  expect(ended).toBe(1)
})

test('a removal of what is unfinished, and a stream, that do not come to an end are away', async () => {
  const never = () => new Promise<never>(() => {})
  async function* unfinished() {
    yield { key: undefined, modified: new Date(), remove: never }
  }
  const stream = () => new Readable({ read() {} })
  const storage = guarded(withPart({ unfinished, stream }), ms(200))
  const [one] = await Array.fromAsync(storage.unfinished())
  expect(await codeOf(one?.remove() ?? never())).toBe('storage-unavailable')
  expect(await codeOf(Array.fromAsync(storage.stream(KEY)))).toBe('storage-unavailable')
})

test('a look into every directory may take long as long as it goes on', async () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  let isHanging = false
  async function* unfinished(_everywhere = false, onMove = () => {}) {
    for (let i = 0; i < 30; i++) {
      await vi.advanceTimersByTimeAsync(100)
      onMove()
    }
    if (isHanging) {
      await vi.advanceTimersByTimeAsync(1_600)
      await new Promise(() => {})
    }
    yield { key: KEY, modified: new Date(), remove: async () => {} }
  }
  const storage = guarded(withPart({ unfinished }), ms(1_500))
  expect(await Array.fromAsync(storage.unfinished(true))).toHaveLength(1)
  isHanging = true
  expect(await codeOf(Array.fromAsync(storage.unfinished(true)))).toBe('storage-unavailable')
})

test('an upload may take longer than the storage, and its own end is not that of the storage', async () => {
  const storage = openBucket({ answerMs: 2_000, contentMs: 2_000 })
  expect(await storage.putStream(KEY, slowly(3_000), 100)).toMatchObject({ bytes: 6 })
  async function* broken() {
    yield Buffer.from('one')
    throw Object.assign(new Error('the client went'), { code: 'ECONNRESET' })
  }
  expect(await codeOf(storage.putStream(KEY, broken(), 100))).toBe('ECONNRESET')
  expect(await codeOf(storage.putStream(KEY, slowly(0), 3))).toBe('too-many-bytes')
})
