import { setTimeout as delay } from 'node:timers/promises'
import { sql } from 'kysely'
import pg from 'pg'
import { expect, test } from 'vitest'
import type { App } from '../../lib/app.ts'
import { isDatabaseAway } from '../../lib/away.ts'
import { addPhotos } from '../../lib/photos/add.ts'
import { post, problemOf, withServer } from '../functions/support.ts'
import { isAvailable, SETUPS } from '../support/app.ts'
import { jpeg, sample } from '../support/images.ts'
import { DEADLINE_MS, until } from '../support/service.ts'
import { bytes } from '../support/source-server.ts'
import { addHeld, statusesOf, type Working, withWorking } from '../support/working.ts'

const [EMBEDDED, SERVERS] = SETUPS
const picture = await jpeg(sample(400, 300))
const PHOTOS = 12

/** Longer than it takes until a message that fails again and again is dead, in ms. */
const OUTAGE_MS = 6_000

async function expectRefused(app: App): Promise<void> {
  await withServer(app, async (url) => {
    const add = () => post(`${url}/photos`, { url: 'https://example.com/a.jpg' })
    let answer = await add()
    // What is written meanwhile may have left room for a few.
    while (answer.ok) answer = await add()
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
    expect((await problemOf(answer, 503)).code).toBe('database-unavailable')
  })
}

/** Photos of which some are claimed and wait for their source, and the others lie in the queue, when the outage begins. */
async function meetOutage(
  { app, sources: [source] }: Working,
  outage: { begin(): Promise<unknown>; end(): Promise<unknown> },
): Promise<void> {
  const dead: string[] = []
  const consumer = await app.queue.consume('dead', 1, async ({ body }) => void dead.push(`${body}`))
  const { uuids, release } = await addHeld(app, source, PHOTOS, bytes(picture))
  await outage.begin()
  release()
  await expectRefused(app)
  await delay(OUTAGE_MS)
  expect((await statusesOf(app, uuids)).completed ?? 0).toBe(0)
  await outage.end()
  // The end of an outage ends connections, that of this look perhaps.
  const describe = () => statusesOf(app, uuids).catch(() => undefined)
  await until(async () => (await describe())?.completed === uuids.length, DEADLINE_MS, describe)
  const rows = await app.db
    .selectFrom('photos')
    .select(['attempts', 'given_back'])
    .where('uuid', 'in', uuids)
    .execute()
  expect(rows).toEqual(uuids.map(() => ({ attempts: 1, given_back: 0 })))
  expect(dead).toEqual([])
  const { values } = await app.metrics.retries.get()
  expect(values).toEqual([])
  await consumer.stop()
}

test.skipIf(!isAvailable(SERVERS))('a read-only PostgreSQL costs no attempt, and no message is dead', () =>
  withWorking(
    SERVERS,
    async (working) => {
      const url = new URL(working.app.config.databaseUrl)
      const name = url.pathname.slice(1)
      url.pathname = '/postgres'
      const setReadOnly = async (value: 'on' | 'off') => {
        const client = new pg.Client({ connectionString: url.href })
        await client.connect()
        await client.query(`alter database "${name}" set default_transaction_read_only = ${value}`)
        // It holds for connections to come.
        await client.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [
          name,
        ])
        await client.end()
      }
      await meetOutage(working, { begin: () => setReadOnly('on'), end: () => setReadOnly('off') })
    },
    // The leases run out meanwhile; and more messages come than are held.
    { LEASE_MS: '3000', PREFETCH: '8' },
  ),
)

/** Adds photos that nobody processes until it throws. */
async function fill(app: App, length: number): Promise<never> {
  const url = `https://example.com/${'x'.repeat(length)}`
  for (;;) await addPhotos(app, [{ url, door: 'photos' }])
}

test('a full SQLite costs no attempt, and no message is dead', () =>
  withWorking(
    EMBEDDED,
    async (working) => {
      const { db } = working.app
      const setMost = (pages: number) => sql.raw(`pragma max_page_count = ${pages}`).execute(db)
      await meetOutage(working, {
        async begin() {
          await setMost(1)
          // Pages in use have room for more: large rows first, then small ones.
          for (const length of [8_000, 1]) {
            const error = await fill(working.app, length).catch((reason: unknown) => reason)
            expect(error).toMatchObject({ errcode: 13 })
            expect(isDatabaseAway(error)).toBe(true)
          }
        },
        end: () => setMost(1_000_000),
      })
    },
    { LEASE_MS: '3000', PREFETCH: '8' },
  ))
