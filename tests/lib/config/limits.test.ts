import { expect, test } from 'vitest'
import { readConfig } from '../../../lib/config/index.ts'

test('rates and quotas are whole numbers', () => {
  const config = readConfig({
    RATE_LIMIT: '5',
    QUOTA_PHOTOS_PER_DAY: ' 0 ',
    QUOTA_BYTES_PER_DAY: '9007199254740991',
    QUOTA_WAITING: '',
  })
  expect(config).toMatchObject({
    rateLimit: 5,
    quotas: { photosPerDay: 0, bytesPerDay: 9_007_199_254_740_991, waiting: null },
  })
})

test.for([
  ['RATE_LIMIT', '0'],
  ['RATE_LIMIT', 'none'],
  ['QUOTA_PHOTOS_PER_DAY', '-1'],
  ['QUOTA_BYTES_PER_DAY', '1e9'],
  ['QUOTA_WAITING', '1.5'],
] as const)('%s=%s stops the start, naming the variable', ([variable, value]) => {
  expect(() => readConfig({ [variable]: value })).toThrow(new RegExp(`^${variable} must be a whole number`))
})
