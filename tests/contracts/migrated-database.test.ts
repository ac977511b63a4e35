import { sql } from 'kysely'
import { expect, inject, test } from 'vitest'
import { openDb } from '../../lib/db/index.ts'
import type { Db } from '../../lib/db/port.ts'
import { SERVERS } from '../../scripts/own-servers.ts'
import { isAvailable, SETUPS } from '../support/app.ts'
import { makeTemplate, removeTemplate, type Template, withCopy } from '../support/migrated-database.ts'

const CHANGES = {
  'a row': "insert into photos (url) values ('https://example.com/a.jpg')",
  'a row that was there': "update turns set position = 'x'",
  'a column': 'alter table photos add column more text',
  'a column that goes': 'alter table photos drop column nickname cascade',
  'a default': "alter table photos alter column name set default 'x'",
  'a constraint': 'alter table photos add check (length(url) > 1)',
  'a table': 'create table more (id int)',
  'an index': 'create index more on photos (name)',
  'a trigger that is off': 'alter table photos disable trigger all',
  'a function': 'create function more() returns int language sql as $$ select 1 $$',
  'a schema': 'create schema more',
  'a setting':
    "do $$ begin execute format('alter database %I set timezone to ''Asia/Tokyo''', current_database()); end $$",
  statistics: 'insert into turns select generate_series::text from generate_series(1, 100); analyze turns',
}

test.skipIf(!isAvailable(SETUPS[1])).for(Object.entries(CHANGES))(
  'who takes a copy after another sees nothing of %s',
  ([, change]) =>
    withTemplate(async (template) => {
      const before = await onCopy(template, read)
      await onCopy(template, (db) => sql.raw(change).execute(db))
      expect(await onCopy(template, read)).toEqual(before)
    }),
)

async function withTemplate(use: (template: Template) => Promise<void>): Promise<void> {
  const url = inject('postgresUrl') ?? SERVERS.postgresUrl
  const template = await makeTemplate(url)
  await use(template).finally(() => removeTemplate(url, template))
}

const onCopy = <T>(template: Template, work: (db: Db) => Promise<T>): Promise<T> =>
  withCopy(inject('postgresUrl') ?? SERVERS.postgresUrl, template, async (url) => {
    const db = await openDb(url)
    return work(db).finally(() => db.destroy())
  })

/** What a test may come across. */
async function read(db: Db): Promise<unknown[]> {
  const ask = async (text: string) => (await sql.raw(text).execute(db)).rows
  return [
    await ask('select url from photos'),
    await ask('select * from turns order by name'),
    await ask(
      "select table_name, column_name, column_default from information_schema.columns where table_schema = 'public' order by 1, 2",
    ),
    await ask("select conname from pg_constraint where connamespace = 'public'::regnamespace order by 1"),
    await ask("select indexname from pg_indexes where schemaname = 'public' order by 1"),
    await ask('select tgname, tgenabled from pg_trigger order by 1'),
    await ask("select proname from pg_proc where pronamespace = 'public'::regnamespace order by 1"),
    await ask("select nspname from pg_namespace where nspname !~ '^pg_' order by 1"),
    await ask('select setconfig from pg_db_role_setting'),
    await ask("select tablename from pg_stats where schemaname = 'public'"),
  ]
}
