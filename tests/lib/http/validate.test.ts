import { expect, test } from 'vitest'
import { submit } from '../../../functions/jobs/submit.ts'
import { add } from '../../../functions/photos/add.ts'
import { requestProcessing } from '../../../functions/photos/request-processing.ts'
import { list } from '../../../functions/v1/list.ts'
import { submitBatch } from '../../../functions/v1/submit-batch.ts'
import { AppError } from '../../../lib/errors.ts'
import { validatorCompiler } from '../../../lib/http/validate.ts'

/** What is said of a part of a request, by its pointer. */
function complaints(schema: unknown, value: unknown, httpPart: 'body' | 'querystring' = 'body') {
  const { error } = validatorCompiler({ schema, httpPart })(value)
  if (!(error instanceof AppError)) return undefined
  return Object.fromEntries((error.errors ?? []).map(({ pointer, detail }) => [pointer, detail]))
}

const UUID = /^must be a UUID such as [0-9a-f-]{36}$/

test.each([
  ['process', requestProcessing.body, [], { '': 'must have at least one entry' }],
  ['process', requestProcessing.body, { uuids: [] }, { '/uuids': 'must have at least one entry' }],
  ['process', requestProcessing.body, Array(10_001).fill('x'), { '': 'must have at most 10000 entries' }],
  ['process', requestProcessing.body, 5, { '': 'must be an array or an object or a string' }],
  ['process', requestProcessing.body, 'x', { '': expect.stringMatching(UUID) }],
  ['process', requestProcessing.body, ['x'], { '/0': expect.stringMatching(UUID) }],
  ['process', requestProcessing.body, { uuids: ['x'] }, { '/uuids/0': expect.stringMatching(UUID) }],
  ['add', add.body, { urls: [] }, { '/urls': 'must have at least one entry' }],
  ['add', add.body, { url: '' }, { '/url': 'must have at least one character' }],
  ['add', add.body, { url: 5 }, { '/url': 'must be a string' }],
  ['add', add.body, [], { '': 'must be an object' }],
  ['batch', submitBatch.body, { urls: [] }, { '/urls': 'must have at least one entry' }],
  ['batch', submitBatch.body, { urls: ['x'], more: 1 }, { '/more': 'is not known here' }],
  ['job', submit.body, { imageUrl: 'x' }, { '/transformations': 'is missing' }],
] as const)('of a wrong body of %s it is said what would fit: %#', (_, schema, body, expected) => {
  expect(complaints(schema, body)).toEqual(expected)
})

const A_TIME = 'must be a time such as 2026-01-31T12:00:00Z, or a date such as 2026-01-31'

test.each([
  ['created_after', 'yesterday', A_TIME],
  ['created_before', '2026-02-30T00:00:00Z', A_TIME],
  ['created_before', '2026-02-30', A_TIME],
  ['created_before', '2026-01-31T12', A_TIME],
  ['created_before', '2026-01-31T25:00Z', A_TIME],
  ['status', 'done', 'must be one of init, pending, processing, completed, failed'],
  ['limit', 'ten', 'must be an integer'],
])('of a wrong %s it is said what would fit', (name, value, detail) => {
  expect(complaints(list.query, { [name]: value }, 'querystring')).toEqual({ [`/query/${name}`]: detail })
})

test.each(['1e309', '-1e309', '1e300', '9007199254740993'])(
  'a number such as %s is refused, which no database holds',
  (number) => {
    const schema = { type: 'object', properties: { offset: { type: 'integer' } } }
    expect(complaints(schema, { offset: number }, 'querystring')).toHaveProperty('/query/offset')
  },
)

test('a body that is nested more than 32 deep is refused, whatever its schema takes', () => {
  const nested = (depth: number) => JSON.parse('['.repeat(depth) + ']'.repeat(depth))
  expect(complaints({}, nested(32))).toBeUndefined()
  expect(complaints({}, nested(33))).toEqual({ '': 'must be nested at most 32 deep' })
  expect(complaints({}, nested(100_000))).toEqual({ '': 'must be nested at most 32 deep' })
})

test('a name that is not known is not repeated as a whole, however long it is', () => {
  const schema = { type: 'object', properties: { name: {} }, additionalProperties: false }
  for (const part of ['body', 'querystring'] as const) {
    const { error } = validatorCompiler({ schema, httpPart: part })({ ['x'.repeat(1_000_000)]: '' })
    expect((error as AppError).errors?.[0]?.pointer).toMatch(/x{150,200}…$/)
    expect((error as AppError).message.length).toBeLessThan(500)
  }
  const labels = { type: 'object', additionalProperties: { type: 'string' } }
  expect(JSON.stringify(complaints(labels, { ['x'.repeat(1_000_000)]: 7 })).length).toBeLessThan(500)
})
