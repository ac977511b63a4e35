import { parseArgs } from 'node:util'
import { config as readDotenv } from 'dotenv'
import { sql } from 'kysely'
import { readConfig } from '../lib/config/index.ts'
import { openDb } from '../lib/db/index.ts'
import { migrate } from '../lib/db/migrate.ts'
import { type Db, isPostgres } from '../lib/db/port.ts'
import { readArguments } from './arguments.ts'
import { confirm } from './confirm.ts'

const USAGE = `Usage: npm run db:schema -- [--yes]
  --yes     drop the tables that are there without asking`

const { yes } = readArguments(
  USAGE,
  (args) => parseArgs({ args, options: { yes: { type: 'boolean', default: false } } }).values,
)
readDotenv({ quiet: true })
const db = await openDb(readConfig(process.env).databaseUrl)
try {
  const tables = (await db.introspection.getTables()).map(({ name }) => name)
  if (tables.length > 0 && (yes || (await mayDrop(tables)))) await drop(db, tables)
  const applied = await migrate(db)
  console.log(applied.length > 0 ? `applied ${applied.join(', ')}` : 'nothing to apply')
} finally {
  await db.destroy()
}

function mayDrop(tables: readonly string[]): Promise<boolean> {
  const question = `Drop ${tables.join(', ')} with all that is in them?`
  return confirm(question, '`npm run db:schema -- --yes` does it')
}

/** Drops every table of the schema, and the type and function that the first migration makes. */
async function drop(db: Db, tables: readonly string[]): Promise<void> {
  const postgres = isPostgres(db)
  for (const table of tables)
    await sql`drop table ${sql.table(table)}${postgres ? sql` cascade` : sql``}`.execute(db)
  if (postgres) {
    await sql`drop type if exists photo_status`.execute(db)
    await sql`drop function if exists now_plus`.execute(db)
  }
  console.log(`dropped ${tables.join(', ')}`)
}
