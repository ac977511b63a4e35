import { expect, test } from 'vitest'
import { type Config, readConfig } from '../../../lib/config/index.ts'
import { type Environment, written } from './support.ts'

const databaseOf = (environment: Environment) => readConfig(environment).databaseUrl

const POSTGRES = {
  DB_TYPE: 'postgres',
  POSTGRES_SERVER: 'db',
  POSTGRES_PORT: '6000',
  POSTGRES_DB: 'my photos',
  POSTGRES_USER: 'me@home',
  POSTGRES_PASSWORD: 'p/:?#% ',
}

const KNOWN: readonly (readonly [Environment, Partial<Config>])[] = [
  [{ PG_CONNECTION_URI: 'postgres://db/a' }, { databaseUrl: 'postgres://db/a' }],
  [{ AMQP_URI: 'amqp://broker' }, { rabbitmqUrl: 'amqp://broker' }],
  [
    { THUMBFORGE_DATABASE_URL: 'postgresql+asyncpg://u:p@db:1/a' },
    { databaseUrl: 'postgresql://u:p@db:1/a' },
  ],
  [{ THUMBFORGE_DATABASE_URL: 'postgresql+psycopg2://db/a?x=1' }, { databaseUrl: 'postgresql://db/a?x=1' }],
  [{ THUMBFORGE_DATABASE_URL: 'postgresql://db/a' }, { databaseUrl: 'postgresql://db/a' }],
  [{ THUMBFORGE_DATABASE_URL: 'sqlite+aiosqlite:///./x.db' }, { databaseUrl: 'sqlite:./x.db' }],
  [{ THUMBFORGE_DATABASE_URL: 'sqlite:////var/x.db' }, { databaseUrl: 'sqlite:/var/x.db' }],
  [{ THUMBFORGE_REDIS_URL: 'redis://cache:6379/1' }, { redisUrl: 'redis://cache:6379/1' }],
  [{ THUMBFORGE_STORAGE_PATH: '/var/files' }, { storageDir: '/var/files', thumbsDir: '/var/files/thumbs' }],
  [{ THUMBFORGE_QUEUE_NAME: 'forge' }, { queueName: 'forge' }],
  [{ THUMBFORGE_DUPLICATE_HANDLING: 'reuse-completed' }, { duplicateHandling: 'reuse-completed' }],
  [{ THUMBFORGE_THUMBNAIL_SIZE: '64' }, { thumbnailSize: 64 }],
  [{ METRICS_PORT: '9100' }, { healthPort: 9100 }],
  [{ DB_TYPE: 'sqlite' }, { databaseUrl: 'sqlite:data/photos.db' }],
  [{ DB_TYPE: 'postgres' }, { databaseUrl: 'postgres://postgres@localhost:5432/postgres' }],
  [{ POSTGRES_SERVER: 'db' }, { databaseUrl: 'postgres://postgres@db:5432/postgres' }],
  [POSTGRES, { databaseUrl: 'postgres://me%40home:p%2F%3A%3F%23%25%20@db:6000/my%20photos' }],
  [
    { DB_TYPE: 'postgres', POSTGRES_SERVER: '::1' },
    { databaseUrl: 'postgres://postgres@[::1]:5432/postgres' },
  ],
]

test.for(KNOWN.map(([environment, expected]) => [written(environment), environment, expected] as const))(
  '%s is understood',
  ([, environment, expected]) => {
    expect(readConfig(environment)).toMatchObject(expected)
  },
)

test('the endpoint of a bucket is taken as one of the originals spells it', () => {
  const alias = { S3_BUCKET: 'photos', AWS_ENDPOIN_URL: 'http://127.0.0.1:1' }
  expect(readConfig(alias).s3?.endpoint).toBe('http://127.0.0.1:1')
  expect(readConfig({ ...alias, AWS_ENDPOINT_URL: 'http://127.0.0.1:2' }).s3?.endpoint).toBe(
    'http://127.0.0.1:2',
  )
})

test('the own name wins, then DB_TYPE, then the others in their order', () => {
  const forge = { THUMBFORGE_DATABASE_URL: 'sqlite+aiosqlite:///forge.db' }
  const uri = { ...forge, PG_CONNECTION_URI: 'postgres://uri/a' }
  const server = { ...uri, POSTGRES_SERVER: 'server' }
  expect(databaseOf(uri)).toBe('postgres://uri/a')
  expect(databaseOf(server)).toBe('postgres://postgres@server:5432/postgres')
  expect(databaseOf({ ...server, DB_TYPE: 'postgres' })).toBe('postgres://postgres@server:5432/postgres')
  expect(databaseOf({ ...server, DB_TYPE: 'sqlite' })).toBe('sqlite:data/photos.db')
  const own = { DATABASE_URL: 'sqlite:own.db', RABBITMQ_URL: 'amqp://own', QUEUE_NAME: 'own' }
  const others = { AMQP_URI: 'amqp://other', THUMBFORGE_QUEUE_NAME: 'other', STORAGE_DIR: '/own' }
  expect(
    readConfig({ ...server, DB_TYPE: 'postgres', ...others, ...own, THUMBFORGE_STORAGE_PATH: '/other' }),
  ).toMatchObject({
    databaseUrl: 'sqlite:own.db',
    rabbitmqUrl: 'amqp://own',
    queueName: 'own',
    storageDir: '/own',
  })
})

test('an own name that is empty leaves it to the alias', () => {
  expect(databaseOf({ DATABASE_URL: ' ', PG_CONNECTION_URI: 'postgres://uri/a' })).toBe('postgres://uri/a')
  expect(databaseOf({ DB_TYPE: '', PG_CONNECTION_URI: 'postgres://uri/a' })).toBe('postgres://uri/a')
})

test('the aliases of a variable that is set are not read, whatever is in them', () => {
  // What Kubernetes tells of a service that is called postgres.
  const kubernetes = { POSTGRES_PORT: 'tcp://10.0.0.1:5432', POSTGRES_SERVER: 'no host', DB_TYPE: 'mysql' }
  expect(databaseOf({ DATABASE_URL: 'postgres://own/a', ...kubernetes })).toBe('postgres://own/a')
})
