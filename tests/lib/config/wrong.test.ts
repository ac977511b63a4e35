import { expect, test } from 'vitest'
import { readConfig } from '../../../lib/config/index.ts'
import { type Environment, NOTIFIED } from './support.ts'

/** The one line that a start ends with. */
function messageOf(environment: Environment): string {
  try {
    readConfig(environment)
  } catch (error) {
    return (error as Error).message
  }
  return 'nothing was wrong'
}

const INTEGERS = [
  ['PORT', 'PREFETCH', 'WORKER_THREADS', 'MAX_SOURCE_BYTES', 'MAX_SOURCE_PIXELS', 'MAX_ATTEMPTS'],
  ['DOWNLOAD_TIMEOUT_MS', 'RENDER_TIMEOUT_MS', 'LEASE_MS', 'SWEEP_INTERVAL_MS', 'RELAY_INTERVAL_MS'],
  ['RETRY_BASE_MS', 'RENDER_MEMORY', 'MAX_JOB_COST'],
  ['DOWNLOADS', 'DOWNLOADS_PER_HOST', 'DOWNLOAD_MEMORY'],
  ['EVENTS_KEEP', 'FAILED_KEEP', 'DELIVERIES_KEEP'],
].flat()

const NO_INTEGERS = ['x', '-1', '3.5', '1e3', '0x10', '10 000', '30s', '99999999999999', 'NaN']

test.for(INTEGERS)('%s takes whole numbers within bounds only', (name) => {
  for (const text of NO_INTEGERS)
    expect(messageOf({ [name]: text })).toMatch(
      new RegExp(`^${name} must be a whole number from \\d+ to \\d+$`),
    )
})

const WRONG: readonly (readonly [variable: string, value: string, more?: Environment])[] = [
  ['PORT', '65536'],
  ['TRUST_PROXY', 'true'],
  ['TRUST_PROXY', '10.0.0.0/33'],
  ['TRUST_PROXY', 'proxy.example.com'],
  ['MAX_CONNECTIONS', '0'],
  ['PREFETCH', '0'],
  ['MAX_ATTEMPTS', '0'],
  ['RENDER_MEMORY', '0'],
  ['RENDER_MEMORY', '512MB'],
  ['MAX_JOB_COST', '0'],
  ['HOST', 'not a host'],
  ['PUBLIC_URL', 'example.com'],
  ['PUBLIC_URL', 'ftp://example.com'],
  ['CORS_ORIGINS', 'nonsense'],
  ['DATABASE_URL', 'mysql://root:secret@db/photos'],
  ['DATABASE_URL', 'photos.db'],
  // SQLite takes no name for a file that is gone when it is closed.
  ['DATABASE_URL', 'sqlite:'],
  ['DATABASE_URL', 'sqlite::memory:'],
  ['RABBITMQ_URL', 'http://guest:secret@broker'],
  ['RABBITMQ_URL', 'broker:5672'],
  ['QUEUE_NAME', 'with space'],
  ['QUEUE_NAME', 'x'.repeat(201)],
  ['S3_BUCKET', 'Capitals'],
  ['S3_BUCKET', 'ab'],
  ['AWS_ENDPOINT_URL', 'nonsense', { S3_BUCKET: 'photos' }],
  ['AWS_SECRET_ACCESS_KEY', 'secret', { S3_BUCKET: 'photos' }],
  ['REDIS_URL', 'http://cache'],
  ['WEBHOOK_URLS', 'nonsense', NOTIFIED],
  ['WEBHOOK_URLS', 'ftp://example.com/hook', NOTIFIED],
  ['WEBHOOK_URLS', 'https://me:secret@example.com/hook', NOTIFIED],
  ['WEBHOOK_URLS', 'https://example.com/hook http://127.0.0.1/hook', NOTIFIED],
  ['WEBHOOK_URLS', 'http://10.1.2.3/hook?token=secret', NOTIFIED],
  ['WEBHOOK_URLS', 'http://[::1]/hook', NOTIFIED],
  ['WEBHOOK_URLS', 'http://169.254.169.254/hook', { ...NOTIFIED, SOURCE_ALLOW_CIDRS: '10.0.0.0/8' }],
  ['WEBHOOK_SECRET', '', { WEBHOOK_URLS: 'https://example.com/hook' }],
  ['WEBHOOK_SECRET', 'secret'],
  ['WEBHOOK_SECRET', `whsec_${Buffer.from('too short').toString('base64')}`],
  ['SMTP_URL', 'https://mail.example.com', { NOTIFY_EMAIL: 'ops@example.com' }],
  ['NOTIFY_EMAIL', '', { SMTP_URL: 'smtp://mail.example.com' }],
  ['NOTIFY_EMAIL', 'ops@example.com'],
  ['NOTIFY_EMAIL', 'ops', { SMTP_URL: 'smtp://mail.example.com' }],
  ['NOTIFY_EMAIL', 'a@example.com, b@example.com', { SMTP_URL: 'smtp://mail.example.com' }],
  ['SOURCE_ALLOW_CIDRS', '10.0.0.0/33'],
  ['SOURCE_ALLOW_CIDRS', '10.0.0.0/8, example.com'],
  ['EXIF_GPS', '1'],
  ['EXIF_GPS', 'yes'],
  ['EXIF_GPS', 'TRUE'],
  ['LOG_LEVEL', 'loud'],
  ['THUMBNAIL_SIZE', '0'],
  ['THUMBNAIL_SIZE', '10001'],
  ['DUPLICATE_HANDLING', 'reuse'],
  ['DB_TYPE', 'mysql'],
  ['POSTGRES_PORT', 'abc', { DB_TYPE: 'postgres' }],
  ['POSTGRES_PORT', '70000', { DB_TYPE: 'postgres' }],
  ['POSTGRES_SERVER', 'no host', { DB_TYPE: 'postgres' }],
]

test.for(WRONG)('%s=%s stops the start in one line that names it', ([variable, value, more = {}]) => {
  const message = messageOf({ ...more, [variable]: value })
  expect(message).toMatch(new RegExp(`^${variable} must .+`))
  expect(message.split('\n')).toHaveLength(1)
  expect(message).not.toContain('secret')
})

test('one key without the other stops the start', () => {
  for (const one of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'])
    expect(messageOf({ S3_BUCKET: 'photos', [one]: 'x' })).toMatch(/AWS_ACCESS_KEY_ID/)
})
