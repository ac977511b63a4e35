import http from 'node:http'
import { text } from 'node:stream/consumers'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { endpoints } from '../../functions/index.ts'
import type { App } from '../../lib/app.ts'
import { expectNoSecrets, insertPhoto, withServer } from '../functions/support.ts'
import { SETUPS, withApp } from '../support/app.ts'

const REQUESTS = 2_000
/** Requests that are under way at once. */
const AT_ONCE = 20

type Fuzzed = { method: string; path: string; headers: Record<string, string>; body: string | undefined }
type Schema = {
  properties?: Record<string, Schema>
  anyOf?: Schema[]
  items?: Schema
  type?: string
  format?: string
  const?: unknown
}

/** Texts that have broken a parser somewhere. */
const TEXTS = [
  ...[
    '',
    ' ',
    '0',
    '-1',
    '1',
    '1e309',
    '-1e309',
    '1e308',
    '0x10',
    '9007199254740993',
    'NaN',
    'Infinity',
    'null',
    'true',
  ],
  ...[
    '*',
    '*'.repeat(200),
    '%',
    '_',
    "'",
    '"',
    '\\',
    '\0',
    '\ud800',
    '💥',
    '../../etc/passwd',
    'originals/..',
    'originals/x',
  ],
  ...[
    '[]',
    '{}',
    '__proto__',
    'constructor',
    'toString',
    'undefined',
    'a'.repeat(300),
    ','.repeat(300),
    'original',
    'thumb',
  ],
  ...[
    '2026-01-31T12:00:00Z',
    '0000-01-01T00:00:00Z',
    '+275760-09-13T00:00:00Z',
    '2026-13-01',
    'init',
    'failed',
    'photos',
  ],
  ...[
    '00000000-0000-0000-0000-000000000000',
    '01a208fa-d379-72a3-9e61-aaf487ae54bf',
    'https://example.com/a.jpg',
  ],
  ...[
    'http://127.0.0.1:1/',
    'http://[::1]',
    'file:///etc/passwd',
    'resize:10x10',
    'fit:1e9x1',
    'quality:101',
    'format:webp',
  ],
]

const HEADERS = {
  'if-none-match': ['*', ',', '"a"', 'W/"a", "b"', '"'.repeat(500)],
  'if-range': ['"a"', 'nonsense'],
  range: ['bytes=0-', 'bytes=-1', 'bytes=9-1', `bytes=${'9'.repeat(400)}-`, 'bytes=0-0,2-3', 'lines=1'],
  'accept-encoding': ['br', 'gzip;q=0', ',;,', '*'],
  'idempotency-key': ['a', 'a'.repeat(300), 'é', ' '],
  traceparent: ['00-0-0-00', `00-${'a'.repeat(32)}-${'b'.repeat(16)}-ff`],
  'last-event-id': ['x'],
  'x-forwarded-for': ['1.2.3.4', 'nonsense, ,'],
  origin: ['null', 'https://example.com'],
  expect: ['100-continue'],
}

const TYPES = [
  ...[
    'application/json',
    'application/json; charset=utf-16',
    'text/plain',
    'application/x-www-form-urlencoded',
    '',
  ],
  ...[
    'multipart/form-data',
    'multipart/form-data; boundary=b',
    `multipart/form-data; boundary=${'b'.repeat(300)}`,
  ],
]

const FORMS = [
  '--b\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\nx\r\n--b--\r\n',
  '--b\r\nContent-Disposition: form-data; name="key"\r\n\r\noriginals/x\r\n--b\r\nContent-Disposition: form-data; name="file"; filename=""\r\n\r\nx\r\n--b--',
  '--b\r\nContent-Disposition: form-data; name="policy"\r\n\r\ne30=\r\n--b\r\nContent-Disposition: form-data; name="file"\r\nContent-Type: application/octet-stream\r\n\r\n\r\n--b--\r\n',
  '--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n',
  '--b\r\n\r\n--b--\r\n',
  '--b--\r\n',
]

const aText = fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...TEXTS) }, fc.string({ unit: 'binary' }))

/** Values that a schema takes, and some that it does not. */
function anyValue(schema: Schema, known: string): fc.Arbitrary<unknown> {
  const fitting = fittingOf(schema, known)
  return fc.oneof(
    { weight: 4, arbitrary: fitting },
    aText,
    fc.constantFrom(null, true, 0, -1, 1.5, 1e308, [], {}),
    fc.jsonValue(),
  )
}

function fittingOf(schema: Schema, known: string): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const)
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map((one) => anyValue(one, known)))
  if (schema.items) return fc.array(anyValue(schema.items, known), { maxLength: 4 })
  if (schema.properties) {
    const parts = Object.entries(schema.properties).map(
      ([name, part]) => [name, anyValue(part, known)] as const,
    )
    return fc.record(Object.fromEntries(parts), { requiredKeys: [] })
  }
  if (schema.type === 'integer') return fc.oneof(fc.integer(), fc.maxSafeInteger())
  if (schema.type === 'boolean') return fc.boolean()
  return fc.oneof(fc.constant(known), aText)
}

/** Requests to every endpoint; `known` is the uuid of a photo that there is. */
function requestOf(known: string): fc.Arbitrary<Fuzzed> {
  const anId = fc.oneof(fc.constant(known), aText)
  return fc.constantFrom(...endpoints).chain(({ method, path, query, body, form }) => {
    const names = Object.keys((query as Schema | undefined)?.properties ?? {})
    return fc.record({
      method: fc.oneof(
        { weight: 20, arbitrary: fc.constant(method as string) },
        fc.constantFrom('HEAD', 'PUT', 'OPTIONS'),
      ),
      path: fc
        .record({
          ids: fc.array(anId, { minLength: 3, maxLength: 3 }),
          query: fc.array(fc.tuple(fc.oneof(fc.constantFrom('x', ...names), aText), aText), { maxLength: 3 }),
        })
        .map(({ ids, query }) => {
          let next = 0
          const filled = path.replace(/:\w+|\*/g, () => encode(ids[next++ % 3] ?? ''))
          return `${filled}?${query.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&')}`
        }),
      headers: fc
        .record(
          Object.fromEntries([
            ...Object.entries(HEADERS).map(([name, values]) => [name, fc.constantFrom(...values)] as const),
            ['content-type', fc.constantFrom(...(form ? TYPES.slice(-2) : []), 'application/json', ...TYPES)],
          ]),
          { requiredKeys: ['content-type'] },
        )
        .map((headers) => headers as Record<string, string>),
      body: fc.oneof(
        {
          weight: body ? 6 : 1,
          arbitrary: anyValue((body ?? {}) as Schema, known).map((value) => JSON.stringify(value)),
        },
        { weight: form ? 6 : 1, arbitrary: fc.constantFrom(...FORMS) },
        fc.constantFrom(
          '',
          '{',
          '[1e309]',
          '{"a":1e309}',
          '"',
          `${'['.repeat(5_000)}`,
          '\0',
          '{"__proto__":1}',
        ),
        fc.constant(undefined),
      ),
    })
  })
}

/** As a client might write it: what is no text is sent as bytes that are no UTF-8. */
const encode = (value: string) => (value.isWellFormed() ? encodeURIComponent(value) : '%ff')

async function send(url: string, { method, path, headers, body }: Fuzzed) {
  const { hostname, port } = new URL(url)
  const answer = await new Promise<http.IncomingMessage>((resolve, reject) => {
    const sent = { ...headers, ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }) }
    const request = http.request({ hostname, port, method, path, headers: sent, agent: false }, resolve)
    request.on('error', reject)
    request.end(body)
  })
  return { status: answer.statusCode ?? 0, body: await text(answer) }
}

test(`none of ${REQUESTS} generated requests is a fault`, async () => {
  const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31)
  console.log(`FUZZ_SEED=${seed}`)
  await withApp(SETUPS[0], (app) => withServer(app, (url) => fuzz(app, url, seed)))
})

async function fuzz(app: App, url: string, seed: number): Promise<void> {
  const known = await insertPhoto(app)
  const requests = fc.sample(requestOf(known), { seed, numRuns: REQUESTS })
  const faults: object[] = []
  const statuses = new Map<number, number>()
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let request = requests.pop(); request; request = requests.pop()) {
        const { status, body } = await send(url, request)
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
        if (status >= 500) faults.push({ ...request, answer: `${status} ${body}` })
        else if (body.includes('"code"')) expectNoSecrets(body)
      }
    }),
  )
  expect(faults.slice(0, 5)).toEqual([])
  // The fuzz gets beyond what is refused at first sight.
  expect(statuses.get(200)).toBeGreaterThan(REQUESTS / 20)
  expect((await fetch(`${url}/health`)).status).toBe(200)
}
