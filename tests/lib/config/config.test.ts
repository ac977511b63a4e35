import { availableParallelism, totalmem } from 'node:os'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Config, readConfig } from '../../../lib/config/index.ts'
import { type Environment, NOTIFIED, written } from './support.ts'

const MIB = 1024 * 1024

const DEFAULTS: Config = {
  host: '127.0.0.1',
  port: 3000,
  publicUrl: 'http://127.0.0.1:3000',
  corsOrigins: [],
  auth: 'none',
  isAuthSet: false,
  adminKey: undefined,
  secret: undefined,
  linkTtlMs: 24 * 3_600_000,
  publicFiles: false,
  allowedHosts: [],
  rateLimit: 1_200,
  quotas: { photosPerDay: null, bytesPerDay: null, waiting: null },
  trustProxy: [],
  maxConnections: 10_000,
  drainMs: 0,
  healthPort: 0,
  databaseUrl: 'sqlite:data/photos.db',
  rabbitmqUrl: undefined,
  queueName: 'photo-processor',
  topology: 'auto',
  queueWindow: 10_000,
  prefetch: 2 * 32 + 2 * availableParallelism() + 2,
  redisUrl: undefined,
  storageDir: path.resolve('data/files'),
  thumbsDir: path.resolve('data/files/thumbs'),
  thumbsLayout: 'digits',
  s3: undefined,
  workerThreads: availableParallelism(),
  sourceAllowCidrs: [],
  downloads: 32,
  downloadsPerHost: 4,
  downloadMemory: 256 * MIB,
  maxSourceBytes: 50 * MIB,
  maxSourcePixels: 50_000_000,
  renderMemory: Math.floor(
    0.6 * Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY),
  ),
  maxJobCost: 400,
  userAgent: 'photo-processor',
  downloadTimeoutMs: 30_000,
  renderTimeoutMs: 30_000,
  leaseMs: 30_000,
  sweepIntervalMs: 5_000,
  relayIntervalMs: 1_000,
  maxAttempts: 5,
  retryBaseMs: 1_000,
  eventsKeepMs: 90 * 86_400_000,
  failedKeepMs: 30 * 86_400_000,
  deliveriesKeepMs: 7 * 86_400_000,
  webhookUrls: [],
  webhookSecret: undefined,
  smtpUrl: undefined,
  notifyEmail: undefined,
  thumbnailSize: 256,
  duplicateHandling: 'allow-retry',
  exifGps: false,
  logLevel: 'info',
}

test('nothing is required', () => {
  expect(readConfig({})).toEqual(DEFAULTS)
})

test('an empty value counts as not set, and other variables are ignored', () => {
  const names = ['HOST', 'PORT', 'PUBLIC_URL', 'DATABASE_URL', 'RABBITMQ_URL', 'QUEUE_NAME', 'STORAGE_DIR']
  const more = ['S3_BUCKET', 'AWS_ACCESS_KEY_ID', 'SOURCE_ALLOW_CIDRS', 'LOG_LEVEL', 'LEASE_MS', 'DB_TYPE']
  const aliases = ['PG_CONNECTION_URI', 'AMQP_URI', 'POSTGRES_SERVER', 'THUMBFORGE_STORAGE_PATH']
  for (const blank of ['', '  ', '\t\n']) {
    const environment = Object.fromEntries([...names, ...more, ...aliases].map((name) => [name, blank]))
    expect(readConfig({ ...environment, NOBODY_KNOWS: 'x', THUMBS_DIR: undefined })).toEqual(DEFAULTS)
  }
})

test('every variable is understood, with spaces around it', () => {
  const config = readConfig({
    HOST: '::1',
    PORT: ' 8080 ',
    PUBLIC_URL: ' https://photos.example.com/base// ',
    CORS_ORIGINS: 'https://a.example, https://b.example',
    TRUST_PROXY: 'loopback, 10.0.0.0/8,fd00::1',
    MAX_CONNECTIONS: '100',
    DATABASE_URL: ' postgres://u:p@db/photos ',
    RABBITMQ_URL: 'amqps://u:p@broker',
    QUEUE_NAME: 'own.queue:1',
    WORKER_THREADS: '0',
    PREFETCH: '1',
    DOWNLOADS: '8',
    DOWNLOADS_PER_HOST: '2',
    DOWNLOAD_MEMORY: '1000000',
    STORAGE_DIR: 'files',
    THUMBS_DIR: '/waldo-app-thumbs',
    SOURCE_ALLOW_CIDRS: '10.0.0.0/8 fc00::/7,127.0.0.1',
    MAX_SOURCE_BYTES: '1000',
    RENDER_MEMORY: '1000000000',
    MAX_JOB_COST: '50',
    USER_AGENT: ' Photos/2.0 (+https://photos.example.com) ',
    MAX_ATTEMPTS: '1',
    THUMBNAIL_SIZE: '128',
    DUPLICATE_HANDLING: 'reject-active',
    EXIF_GPS: ' true ',
    LOG_LEVEL: 'silent',
  })
  expect(config).toMatchObject({
    host: '::1',
    port: 8080,
    publicUrl: 'https://photos.example.com/base',
    corsOrigins: ['https://a.example', 'https://b.example'],
    trustProxy: ['loopback', '10.0.0.0/8', 'fd00::1'],
    maxConnections: 100,
    databaseUrl: 'postgres://u:p@db/photos',
    rabbitmqUrl: 'amqps://u:p@broker',
    queueName: 'own.queue:1',
    workerThreads: 0,
    prefetch: 1,
    downloads: 8,
    downloadsPerHost: 2,
    downloadMemory: 1_000_000,
    storageDir: path.resolve('files'),
    thumbsDir: '/waldo-app-thumbs',
    sourceAllowCidrs: ['10.0.0.0/8', 'fc00::/7', '127.0.0.1'],
    maxSourceBytes: 1000,
    renderMemory: 1_000_000_000,
    maxJobCost: 50,
    userAgent: 'Photos/2.0 (+https://photos.example.com)',
    maxAttempts: 1,
    thumbnailSize: 128,
    duplicateHandling: 'reject-active',
    exifGps: true,
    logLevel: 'silent',
  })
})

const PUBLIC: readonly (readonly [Environment, string])[] = [
  [{ HOST: '0.0.0.0', PORT: '80' }, 'http://127.0.0.1:80'],
  [{ HOST: '::' }, 'http://127.0.0.1:3000'],
  [{ HOST: '::1', PORT: '4000' }, 'http://[::1]:4000'],
  [{ HOST: 'photos.lan' }, 'http://photos.lan:3000'],
  [{ HOST: ' 127.0.0.1 ' }, 'http://127.0.0.1:3000'],
  [{ HOST: '0.0.0.0', PUBLIC_URL: 'https://example.com/' }, 'https://example.com'],
]

test.for(PUBLIC.map(([environment, expected]) => [written(environment), expected, environment] as const))(
  'the public URL of %s is %s',
  ([, expected, environment]) => {
    expect(readConfig(environment).publicUrl).toBe(expected)
  },
)

test('a bucket takes its keys from the environment or the platform', () => {
  expect(readConfig({ S3_BUCKET: 'photos' }).s3).toEqual({ bucket: 'photos', region: 'us-east-1' })
  expect(readConfig({ AWS_ACCESS_KEY_ID: 'a', AWS_REGION: 'eu-west-1' }).s3).toBeUndefined()
  const keys = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'key', AWS_SESSION_TOKEN: 'token' }
  const elsewhere = { AWS_ENDPOINT_URL: 'http://127.0.0.1:4566', AWS_REGION: 'eu-west-1' }
  expect(readConfig({ S3_BUCKET: 'my.photos', ...keys, ...elsewhere }).s3).toEqual({
    bucket: 'my.photos',
    endpoint: 'http://127.0.0.1:4566',
    region: 'eu-west-1',
    accessKeyId: 'id',
    secretAccessKey: 'key',
    sessionToken: 'token',
  })
})

test('webhooks and mail are taken, each target once, a private one where it is allowed', () => {
  const urls = 'https://a.example/hook?x=1,http://10.1.2.3:8080/, https://a.example/hook?x=1'
  const mail = { SMTP_URL: 'smtps://me:p@mail.example.com', NOTIFY_EMAIL: 'ops@example.com' }
  const env = { ...NOTIFIED, ...mail, WEBHOOK_URLS: urls, SOURCE_ALLOW_CIDRS: '10.0.0.0/8' }
  expect(readConfig(env)).toMatchObject({
    webhookUrls: ['https://a.example/hook?x=1', 'http://10.1.2.3:8080/'],
    webhookSecret: NOTIFIED.WEBHOOK_SECRET,
    smtpUrl: mail.SMTP_URL,
    notifyEmail: 'ops@example.com',
  })
})

describe('frozen', () => {
  const config = readConfig({ S3_BUCKET: 'photos', CORS_ORIGINS: 'https://a.example' })

  test('the configuration cannot be changed', () => {
    expect(Object.isFrozen(config)).toBe(true)
    expect(() => Object.assign(config, { port: 1 })).toThrow(TypeError)
    expect(config.port).toBe(3000)
  })

  test('nor can what is in it', () => {
    const open = Object.entries(config).filter(([, value]) => !Object.isFrozen(value))
    expect(open.map(([name]) => name)).toEqual([])
  })
})
