import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openDb } from '../../lib/db/index.ts'
import { migrate } from '../../lib/db/migrate.ts'
import { isAvailable, SETUPS } from '../support/app.ts'
import { type Certificates, withCertificates } from '../support/certificates.ts'
import { openPostgresServer } from '../support/servers/postgres.ts'
import type { OwnServer } from '../support/servers/program.ts'

const [, SERVERS] = SETUPS
const on = test.skipIf(!isAvailable(SERVERS))

let server: OwnServer
let files: Certificates
const finished = Promise.withResolvers<void>()
let running: Promise<void>

beforeAll(async () => {
  if (!isAvailable(SERVERS)) return
  const opened = Promise.withResolvers<void>()
  running = withCertificates(async (certificates) => {
    files = certificates
    server = await openPostgresServer({ ssl: 'on', ssl_cert_file: files.cert, ssl_key_file: files.key })
    opened.resolve()
    await finished.promise
    await server.close()
  })
  running.catch(opened.reject)
  await opened.promise
})

afterAll(async () => {
  finished.resolve()
  await running
})

/** Whether a connection with these parameters is encrypted; rejects where there is none. */
async function isEncrypted(parameters: string, host = 'localhost'): Promise<boolean | undefined> {
  const db = await openDb(`postgres://postgres@${host}:${server.port}/postgres${parameters}`)
  try {
    const query = sql<{ ssl: boolean }>`select ssl from pg_stat_ssl where pid = pg_backend_pid()`
    return (await query.execute(db)).rows[0]?.ssl
  } finally {
    await db.destroy()
  }
}

on('without sslmode the connection is plain', async () => {
  expect(await isEncrypted('')).toBe(false)
  expect(await isEncrypted('?sslmode=disable')).toBe(false)
})

on('sslmode=require encrypts, and takes any certificate', async () => {
  expect(await isEncrypted('?sslmode=require')).toBe(true)
  expect(await isEncrypted('?application_name=photos&sslmode=require', '127.0.0.1')).toBe(true)
})

on(
  'sslmode=require, verify-ca and verify-full hold the certificate to the authority that sslrootcert names',
  async () => {
    for (const mode of ['require', 'verify-ca', 'verify-full']) {
      expect(await isEncrypted(`?sslmode=${mode}&sslrootcert=${files.ca}`)).toBe(true)
      await expect(isEncrypted(`?sslmode=${mode}&sslrootcert=${files.otherCa}`)).rejects.toThrow(
        /certificate/,
      )
    }
  },
)

on('sslmode=verify-full holds it to the name of the server, too', async () => {
  expect(await isEncrypted(`?sslmode=verify-ca&sslrootcert=${files.ca}`, '127.0.0.1')).toBe(true)
  await expect(isEncrypted(`?sslmode=verify-full&sslrootcert=${files.ca}`, '127.0.0.1')).rejects.toThrow(
    /altnames/,
  )
  await expect(isEncrypted('?sslmode=verify-full')).rejects.toThrow(/certificate/)
})

on('sslmode=no-verify goes on meaning what it means for the driver', async () => {
  expect(await isEncrypted('?sslmode=no-verify')).toBe(true)
})

on('a file that is missing stops the start', async () => {
  const missing = `postgres://postgres@localhost:${server.port}/postgres?sslmode=verify-full&sslrootcert=${files.ca}.gone`
  await expect(openDb(missing)).rejects.toThrow(/^DATABASE_URL cannot be used: ENOENT/)
})

on('the tables are made over an encrypted connection', async () => {
  const db = await openDb(
    `postgres://postgres@localhost:${server.port}/postgres?sslmode=verify-full&sslrootcert=${files.ca}`,
  )
  expect(await migrate(db)).toContain('0001_photos.postgres.sql')
  await db.destroy()
})
