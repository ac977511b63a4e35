import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { openDb } from '../../lib/db/index.ts'
import { migrate } from '../../lib/db/migrate.ts'
import { execute, urlOf } from '../../scripts/own-servers.ts'

/** A migrated database on PostgreSQL of which tests have copies; `free` is a directory with a file for each copy that nobody uses. */
export type Template = { name: string; free: string; state: State }

/** What a migrated database is: its schema and settings, and the rows of the tables that have some. */
type State = { schema: string; rows: Record<string, unknown[]> }

/** How often connections to a database are looked for, in ms apart, which end a moment after their client has closed them. */
const LOOKS = 400
const LOOK_MS = 5

/** Makes the template. */
export async function makeTemplate(postgresUrl: string): Promise<Template> {
  const name = `photos_template_${process.pid}_${Date.now()}`
  await execute(postgresUrl, `create database ${name}`)
  await migrateNew(urlOf(postgresUrl, name))
  const free = await mkdtemp(path.join(tmpdir(), 'photos-free-'))
  return { name, free, state: await onDatabase(urlOf(postgresUrl, name), readState) }
}

/** Migrates a new database. */
export async function migrateNew(url: string): Promise<void> {
  const db = await openDb(url)
  await migrate(db).finally(() => db.destroy())
}

/** Removes the template and its copies. */
export async function removeTemplate(postgresUrl: string, { name, free }: Template): Promise<void> {
  await onDatabase(postgresUrl, async (client) => {
    const { rows } = await client.query('select datname from pg_database where starts_with(datname, $1)', [
      name,
    ])
    for (const { datname } of rows) await client.query(`drop database ${datname} with (force)`)
  })
  await rm(free, { recursive: true })
}

/**
 * Runs `use` with the URL of a copy that nobody else uses, and brings that back to what it was: to make and drop a database takes half a
 * second, since the server writes all that it has in memory to the disk for it. One that a test has changed in other ways is dropped.
 */
export async function withCopy<T>(
  postgresUrl: string,
  template: Template,
  use: (url: string) => Promise<T>,
): Promise<T> {
  const name = (await takeFree(template)) ?? (await copy(postgresUrl, template))
  const url = urlOf(postgresUrl, name)
  try {
    return await use(url)
  } finally {
    const isBack = await onDatabase(url, (client) => restore(client, template.state)).catch(() => false)
    if (isBack) await writeFile(path.join(template.free, name), '')
    else await execute(postgresUrl, `drop database if exists ${name} with (force)`)
  }
}

/** The name of a copy that no other process has taken meanwhile. */
async function takeFree({ free }: Template): Promise<string | undefined> {
  for (const name of await readdir(free)) {
    const isMine = await rm(path.join(free, name)).then(
      () => true,
      () => false,
    )
    if (isMine) return name
  }
  return undefined
}

async function copy(postgresUrl: string, template: Template): Promise<string> {
  const name = `${template.name}_${randomBytes(4).toString('hex')}`
  await execute(postgresUrl, `create database ${name} template ${template.name}`)
  return name
}

/**
 * Empties the tables and gives them their first rows; false where more than rows differs, or somebody is still connected. Statistics of
 * columns outlive their rows, and change what a plan estimates.
 */
async function restore(client: pg.Client, state: State): Promise<boolean> {
  if (!(await isAlone(client)) || (await readSchema(client)) !== state.schema) return false
  const statistics = await client.query("select 1 from pg_stats where schemaname = 'public' limit 1")
  if (statistics.rows.length > 0) return false
  // It need not outlive a loss of power.
  await client.query('set synchronous_commit = off')
  const tables = await tablesWithRows(client)
  if (tables.length > 0) await client.query(`truncate ${tables.join()} restart identity cascade`)
  for (const [table, rows] of Object.entries(state.rows))
    await client.query(`insert into ${table} select * from jsonb_populate_recordset(null::${table}, $1)`, [
      JSON.stringify(rows),
    ])
  await client.query(
    "select setval(oid::regclass, 1, false) from pg_class where relkind = 'S' and relnamespace = 'public'::regnamespace",
  )
  return true
}

async function isAlone(client: pg.Client): Promise<boolean> {
  for (let look = 0; look < LOOKS; look++) {
    const { rows } = await client.query(
      "select 1 from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'",
    )
    if (rows.length === 0) return true
    await delay(LOOK_MS)
  }
  return false
}

async function readState(client: pg.Client): Promise<State> {
  const rows: State['rows'] = {}
  for (const table of await tablesWithRows(client)) {
    const found = await client.query(`select jsonb_agg(to_jsonb(row)) as all from ${table} as row`)
    rows[table] = found.rows[0].all ?? []
  }
  return { schema: await readSchema(client), rows }
}

async function tablesWithRows(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query(
    "select oid::regclass::text as name from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace and pg_relation_size(oid) > 0",
  )
  return rows.map(({ name }) => name)
}

/** Catalogues of what a test may change but rows of its tables. */
const CATALOGUES = [
  ...['pg_attribute', 'pg_attrdef', 'pg_constraint', 'pg_index', 'pg_trigger', 'pg_rewrite', 'pg_proc'],
  ...['pg_type', 'pg_enum', "pg_namespace where nspname !~ '^pg_'"],
  ...[
    'pg_db_role_setting where setdatabase = (select oid from pg_database where datname = current_database())',
  ],
]

/** How many entries the catalogues have, and which transaction wrote the last: a change is a new one. A copy has those of its template. */
async function readSchema(client: pg.Client): Promise<string> {
  const parts = CATALOGUES.map(
    (from) => `select concat_ws(' ', count(*), max(xmin::text::bigint)) from ${from}`,
  )
  // Emptying a table writes its entry here.
  parts.push(
    "select string_agg(concat_ws(' ', relname, relkind, relpersistence, relrowsecurity, reloptions), ',' order by oid) from pg_class where relnamespace = 'public'::regnamespace",
  )
  const { rows } = await client.query(
    `select concat_ws(',', ${parts.map((part) => `(${part})`).join()}) as text`,
  )
  return rows[0].text
}

async function onDatabase<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
