import { sql } from 'kysely'
import { uuidv7 } from 'uuidv7'
import { describe, expect, test } from 'vitest'
import { endpoints, lives } from '../../functions/index.ts'
import { openApp } from '../../lib/app.ts'
import { readConfig } from '../../lib/config/index.ts'
import { openDb } from '../../lib/db/index.ts'
import { migrate } from '../../lib/db/migrate.ts'
import type { Db } from '../../lib/db/port.ts'
import { openHttp } from '../../lib/http/server.ts'
import { openHub } from '../../lib/live/hub.ts'
import { insertPhoto, post, withServer } from '../functions/support.ts'
import { type Environment, isAvailable, SETUPS, withEnvironment } from '../support/app.ts'
import { getJson } from '../support/service.ts'

const [, SERVERS] = SETUPS

/** What a database or role may be set to, and programs rely on. */
const SETTINGS: Record<string, string> = {
  datestyle: 'German, DMY',
  intervalstyle: 'sql_standard',
  timezone: 'America/St_Johns',
  client_encoding: 'LATIN1',
  standard_conforming_strings: 'off',
  backslash_quote: 'off',
  default_transaction_isolation: 'serializable',
  extra_float_digits: '-15',
  bytea_output: 'escape',
  lc_messages: 'C',
}

/** Times that a hand may write and RFC 3339 cannot, in their order, with what is shown for them. */
const TIMES = [
  ['-infinity', '0001-01-01T00:00:00.000Z'],
  ['0044-03-15 12:00:00+00 BC', '0001-01-01T00:00:00.000Z'],
  ['0044-03-15 12:00:00+00', '0044-03-15T12:00:00.000Z'],
  ['1867-07-01 00:00:00.5+00', '1867-07-01T00:00:00.500Z'],
  ['2026-03-04 05:06:07.123456+05:30', '2026-03-03T23:36:07.123Z'],
  ['12026-01-01 00:00:00+00', '9999-12-31T23:59:59.999Z'],
  ['20260-01-01 00:00:00+00', '9999-12-31T23:59:59.999Z'],
  ['infinity', '9999-12-31T23:59:59.999Z'],
] as const

type Item = { uuid: string; created_at: string }

/** The pages of a list of one item each, as a client follows them. */
async function pagesOf(url: string, more = ''): Promise<Item[]> {
  const items: Item[] = []
  for (let next: string | null = ''; next !== null && items.length < 100; ) {
    const page: { items: Item[]; next: string | null } = await getJson(
      `${url}/photos?limit=1${more}${next && `&after=${next}`}`,
    )
    items.push(...page.items)
    next = page.next
  }
  return items
}

async function pendingOf(url: string): Promise<Item[]> {
  const items: Item[] = []
  for (let next: string | undefined = `${url}/photos/pending?limit=1`; next && items.length < 100; ) {
    const answer: Response = await fetch(next)
    expect(answer.status).toBe(200)
    items.push(...((await answer.json()) as Item[]))
    next = /<([^>]+)>; rel="next"/.exec(answer.headers.get('link') ?? '')?.[1]
    if (next) next = new URL(next, url).href.replace(new URL(next, url).origin, url)
  }
  return items
}

/** Reads whatever shows photos; nothing of it may fail. */
async function readAll(url: string, uuids: readonly string[]): Promise<void> {
  const paths = [
    ...uuids.flatMap((uuid) => [`/photos/${uuid}`, `/v1/images/${uuid}`, `/images/${uuid}/content`]),
    '/v1/images?limit=2&offset=1',
    '/v1/images?created_after=2020-01-01T00:00:00Z&created_before=2027-01-01T00:00:00Z',
    '/photos?created_after=0001-01-01T00:00:00Z&created_before=9999-12-31T23:59:59Z',
    '/photos?name=%25*%5C_%27*',
    '/projects/7/images',
    '/v1/metrics',
    '/metrics',
    '/readyz',
    '/stats',
  ]
  for (const path of paths) {
    const { status } = await fetch(url + path)
    expect.soft(status, path).toBeLessThan(500)
  }
}

/** Runs `use` with an app on a database with these settings. */
async function withSettings<T>(env: Environment, use: (db: Db, url: string) => Promise<T>): Promise<T> {
  const admin = await openDb(env.DATABASE_URL ?? '')
  const name = sql.ref(new URL(env.DATABASE_URL ?? '').pathname.slice(1))
  for (const [setting, value] of Object.entries(SETTINGS))
    await sql`alter database ${name} set ${sql.ref(setting)} = ${sql.lit(value)}`.execute(admin)
  await admin.destroy()
  const app = await openApp(readConfig(env))
  try {
    await migrate(app.db)
    return await withServer(app, (url) => use(app.db, url))
  } finally {
    await app.close()
  }
}

test.skipIf(!isAvailable(SERVERS))(
  'whatever a database is set to, and whatever time a photo has, nothing fails',
  () =>
    withEnvironment(SERVERS, (env) =>
      withSettings(env, async (db, url) => {
        const uuids: string[] = []
        for (const [created_at] of TIMES)
          uuids.push(await insertPhoto({ db }, { created_at, name: "%a\\_'b" }))
        const shown = uuids.map((uuid, i) => ({ uuid, created_at: TIMES[i]?.[1] }))
        expect(await pendingOf(url)).toMatchObject(shown)
        expect(await pagesOf(url)).toMatchObject(shown.toReversed())
        expect(await pagesOf(url, '&name=%25*%5C_%27*')).toHaveLength(TIMES.length)
        await readAll(url, uuids)
        const answer = await post(`${url}/photos/process`, uuids)
        expect(await answer.json()).toMatchObject({ accepted: uuids, rejected: [] })
        // Two at once are ordered by their locks, and fail for no isolation.
        const twice = await Promise.all([1, 2, 3, 4].map(() => post(`${url}/photos/process`, uuids)))
        expect(twice.map(({ status }) => status)).toEqual([202, 202, 202, 202])
        await sql`update photos set queued_at = '-infinity', updated_at = 'infinity'`.execute(db)
        await readAll(url, uuids)
      }),
    ),
)

describe('SQLite', () => {
  test('shows times that were written by hand in other forms, each once', () =>
    withEnvironment(SETUPS[0], async (env) => {
      const app = await openApp(readConfig(env))
      await migrate(app.db)
      const times = ['-infinity', '2026-03-04 05:06:07', '2026-03-04T05:06:07.123Z', 'infinity', 'yesterday']
      const uuids: string[] = []
      for (const created_at of times) uuids.push(await insertPhoto(app, { created_at, uuid: uuidv7() }))
      // Without `withServer`, which holds answers to their schemas: SQLite keeps such times, and they are shown as they are.
      const hub = openHub(app)
      const server = await openHttp({ ...app, hub }, endpoints, lives)
      const url = await server.listen({ host: '127.0.0.1', port: 0 })
      expect((await pendingOf(url)).map(({ uuid }) => uuid)).toEqual(uuids)
      expect((await pagesOf(url)).map(({ uuid }) => uuid)).toEqual(uuids.toReversed())
      await readAll(url, uuids)
      await server.close()
      await hub.close()
      await app.close()
    }))
})
