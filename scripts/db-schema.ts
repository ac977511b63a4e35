import { parseArgs } from 'node:util'
import { config as readDotenv } from 'dotenv'
import { sql } from 'kysely'
import { readConfig } from '../lib/config/index.ts'
import { applyMissing } from '../lib/db/migrate.ts'
import { openPatient } from '../lib/db/patient.ts'
import { type Db, isPostgres } from '../lib/db/port.ts'
import { TABLES } from '../lib/db/tables/index.ts'
import { addStatuses } from '../lib/db/take-over.ts'
import { readArguments } from './arguments.ts'
import { confirm } from './confirm.ts'

const USAGE = `Usage: npm run db:schema -- [--yes]
  --yes     drop the tables of this service that are there without asking`

/** Where it is noted which migrations were applied. */
const MIGRATIONS = 'schema_migrations'

/** The tables that the service shares with the one whose database it takes over. */
const SHARED = ['photos', 'photo_thumbnails']

const { yes } = readArguments(
  USAGE,
  (args) => parseArgs({ args, options: { yes: { type: 'boolean', default: false } } }).values,
)
readDotenv({ quiet: true })
const db = await openPatient(readConfig(process.env).databaseUrl)
try {
  const tables = await findOwn(db)
  const isDropping = tables.length > 0 && (yes || (await mayDrop(tables)))
  await addStatuses(db)
  const applied = await db.transaction().execute(async (tx) => {
    if (isDropping) await drop(tx, tables)
    return applyMissing(tx)
  })
  if (isDropping) console.log(`dropped ${tables.join(', ')}`)
  console.log(applied.length > 0 ? `applied ${applied.join(', ')}` : 'nothing to apply')
} catch (error) {
  console.error(`Nothing was changed: ${(error as Error).message}`)
  process.exitCode = 1
} finally {
  await db.destroy()
}

function mayDrop(tables: readonly string[]): Promise<boolean> {
  const question = `Drop ${tables.join(', ')} with all that is in them?`
  return confirm(question, '`npm run db:schema -- --yes` does it')
}

/** The tables of this service that are there. Without a migration of its own, others of these names belong to another program. */
async function findOwn(db: Db): Promise<string[]> {
  const { rows } = isPostgres(db)
    ? await sql<{ name: string }>`select relname as name from pg_class
        where relkind in ('r', 'p') and pg_table_is_visible(oid)`.execute(db)
    : await sql<{ name: string }>`select name from sqlite_master where type = 'table'`.execute(db)
  const there = new Set(rows.map(({ name }) => name))
  const isOurs = there.has(MIGRATIONS) && (await hasMigrated(db))
  return (isOurs ? [...TABLES, MIGRATIONS] : SHARED).filter((name) => there.has(name))
}

/** Other programs have tables of this name, too, with other columns. */
function hasMigrated(db: Db): Promise<boolean> {
  return sql`select name from schema_migrations where name like '0001_photos.%'`.execute(db).then(
    ({ rows }) => rows.length > 0,
    () => false,
  )
}

/** Drops the tables, and the type and function of the first migration. What else depends on them stays, and stops it. */
async function drop(tx: Db, tables: readonly string[]): Promise<void> {
  if (!isPostgres(tx)) {
    for (const table of tables) await sql`drop table ${sql.table(table)}`.execute(tx)
    return
  }
  await sql`drop table ${sql.join(tables.map((table) => sql.table(table)))}`.execute(tx)
  if (tables.includes(MIGRATIONS))
    await sql`drop function if exists now_plus(double precision), write_photo_labels()`.execute(tx)
  const { rows } = await sql`select from pg_attribute join pg_type on pg_type.oid = atttypid
    where typname = 'photo_status' and pg_type_is_visible(pg_type.oid) and not attisdropped`.execute(tx)
  if (rows.length === 0) await sql`drop type if exists photo_status`.execute(tx)
}
