import { sql } from 'kysely'
import { PHOTO_STATUSES } from '../photo-status.ts'
import { type Db, isPostgres } from './port.ts'

/** What the first migration makes, where another program has made it before; in the words of `create`. */
const TAKEN_OVER = ['type photo_status', 'table photos', 'table photo_thumbnails']

/** Applied after the first migration where it found tables. */
export const TAKE_OVER_FILE = '0001_photos.takeover.sql'

/** Which of the things that the first migration makes another program has made: on PostgreSQL only. */
export async function findForeign(db: Db): Promise<ReadonlySet<string>> {
  if (!isPostgres(db)) return new Set()
  const { rows } = await sql<{ name: string }>`
    select 'table ' || relname as name from pg_class where relkind in ('r', 'p') and pg_table_is_visible(oid)
    union all select 'type ' || typname from pg_type where typtype = 'e' and pg_type_is_visible(oid)`.execute(
    db,
  )
  return new Set(rows.map(({ name }) => name).filter((name) => TAKEN_OVER.includes(name)))
}

/** Whether a statement makes what another program has made. */
export const makesForeign = (statement: string, foreign: ReadonlySet<string>): boolean =>
  foreign.has(/^\s*create ((?:type|table) \w+)/.exec(statement)?.[1] ?? '')

/**
 * Adds the statuses that a type of another program lacks. Before the transaction of the migrations: PostgreSQL lets none use a
 * value that it has added. Done twice, or without what should follow, it changes nothing.
 */
export async function addStatuses(db: Db): Promise<void> {
  if (!isPostgres(db)) return
  const { rows } = await sql<{ label: string }>`
    select enumlabel as label from pg_enum join pg_type on pg_type.oid = enumtypid
    where typname = 'photo_status' and pg_type_is_visible(pg_type.oid)`.execute(db)
  const known = rows.map(({ label }) => label)
  if (known.length === 0) return
  for (const status of PHOTO_STATUSES.filter((name) => !known.includes(name)))
    await sql`alter type photo_status add value if not exists ${sql.lit(status)}`.execute(db)
}
