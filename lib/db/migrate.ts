import { readdir, readFile } from 'node:fs/promises'
import { sql } from 'kysely'
import { isSchemaLacking } from './errors.ts'
import { type Db, isPostgres } from './port.ts'
import { addStatuses, findForeign, makesForeign, TAKE_OVER_FILE } from './take-over.ts'

const DIRECTORY = new URL('../../sql/', import.meta.url)

/** Any number of processes may start at once: this lock lets one of them migrate while the others wait. */
const POSTGRES_LOCK = 7_203_114

/** Applies the files of `sql/` that this database has not seen, by number, all or none; returns their names. */
export async function migrate(db: Db): Promise<string[]> {
  await addStatuses(db)
  return db.transaction().execute(applyMissing)
}

/** The same as a part of a transaction, after `addStatuses`. */
export async function applyMissing(tx: Db): Promise<string[]> {
  const files = await filesFor(tx)
  if (isPostgres(tx)) await sql`select pg_advisory_xact_lock(${sql.lit(POSTGRES_LOCK)})`.execute(tx)
  await sql`create table if not exists schema_migrations
    (name text primary key not null, applied_at text not null)`.execute(tx)
  const seen = await sql<{ name: string }>`select name from schema_migrations`.execute(tx)
  const applied = new Set(seen.rows.map((row) => row.name))
  const missing = files.filter((file) => !applied.has(file))
  for (const file of missing) {
    const foreign = file === files[0] ? await findForeign(tx) : NONE
    for (const statement of await readStatements(file))
      if (!makesForeign(statement, foreign)) await sql.raw(statement).execute(tx)
    if (foreign.has('table photos'))
      for (const statement of await readStatements(TAKE_OVER_FILE)) await sql.raw(statement).execute(tx)
    await sql`insert into schema_migrations values (${file}, ${new Date().toISOString()})`.execute(tx)
  }
  return missing
}

const NONE: ReadonlySet<string> = new Set()

/** What of `sql/` the database has seen last, without its ending, and how much of it the database has not seen. */
export async function readSchema(db: Db): Promise<{ version: string | null; missing: number }> {
  const [seen, files] = await Promise.all([namesOf(db), filesFor(db).catch(() => [])])
  return {
    version: seen.at(-1)?.replace(/\..*$/, '') ?? null,
    missing: files.filter((file) => !seen.includes(file)).length,
  }
}

const namesOf = (db: Db): Promise<string[]> =>
  sql<{ name: string }>`select name from schema_migrations order by name`.execute(db).then(
    ({ rows }) => rows.map(({ name }) => name),
    (error) => {
      if (isSchemaLacking(error)) return []
      throw error
    },
  )

/** The files for this kind of database, by number; throws where there are none, as in a bundle. */
async function filesFor(db: Db): Promise<string[]> {
  const own = isPostgres(db) ? 'postgres' : 'sqlite'
  return (await readdir(DIRECTORY)).filter((file) => isFor(file, own)).sort()
}

/** `0001_name.sql` is for both databases, `0001_name.postgres.sql` for one. */
function isFor(file: string, database: string): boolean {
  const [, only] = /^\d{4}_\w+(?:\.(\w+))?\.sql$/.exec(file) ?? ['', 'none']
  return only === undefined || only === database
}

/** Drivers run the first statement of a script only; a semicolon at the end of a line ends one. */
async function readStatements(file: string): Promise<string[]> {
  const script = await readFile(new URL(file, DIRECTORY), 'utf8')
  return script
    .replace(/^--.*$/gm, '')
    .split(/;\s*$/m)
    .filter((statement) => statement.trim())
}
