import { sql } from 'kysely'
import type { Projects } from '../access/caller.ts'
import { isTime, type Position, parseCursor, toCursor } from '../cursor.ts'
import { type Db, FIRST_TIME, isPostgres, LAST_TIME } from '../db/port.ts'
import type { Door } from '../db/tables/photos.ts'
import type { PhotoStatus } from '../photo-status.ts'
import { inUtc } from '../time.ts'
import { parseUuid } from '../uuid.ts'
import { PHOTO_COLUMNS, type PhotoRow } from './row.ts'

export type Page<T> = { items: T[]; next: string | null }

/**
 * Filters of the list of photos; times are RFC 3339 and include the instant they name. A name with `*` in it is a
 * pattern in which letters of either case are the same; no index serves it.
 */
export type Filters = {
  status?: PhotoStatus
  door?: string
  project_id?: number
  name?: string
  code?: string
  reference?: string
  /** `key:value`. */
  label?: string
  created_after?: string
  created_before?: string
  /** Only photos of these; undefined: of all, and of none. */
  projects?: readonly number[]
}

/** The filter that leaves what a caller may see. */
export const within = (projects: Projects): Pick<Filters, 'projects'> =>
  projects === '*' ? {} : { projects }

/** Photos that wait to be processed, oldest first. */
export async function findPending(
  db: Db,
  { limit, after, projects }: { limit: number; after?: string } & Pick<Filters, 'projects'>,
): Promise<Page<PhotoRow>> {
  const from = after === undefined ? undefined : parseCursor(after, parseUuid)
  let query = selectPhotos(db, { status: 'pending', ...(projects && { projects }) }).selectAll()
  if (from) {
    query = query.where(({ eb, refTuple, tuple }) =>
      eb(refTuple('created_at', 'uuid'), '>', tuple(timeOf(from), from.id)),
    )
  }
  const rows = await query
    .orderBy('created_at')
    .orderBy('uuid')
    .limit(limit + 1)
    .execute()
  return toPage(rows, limit)
}

/** Photos of every door that fit the filters, newest first. */
export async function findPhotos(
  db: Db,
  { limit, after, ...filters }: Filters & { limit: number; after?: string },
): Promise<Page<PhotoRow>> {
  const from = after === undefined ? undefined : parseCursor(after, parseUuid)
  let query = selectPhotos(db, filters).selectAll()
  if (from) {
    query = query.where(({ eb, refTuple, tuple }) =>
      eb(refTuple('created_at', 'uuid'), '<', tuple(timeOf(from), from.id)),
    )
  }
  const rows = await query
    .orderBy('created_at', 'desc')
    .orderBy('uuid', 'desc')
    .limit(limit + 1)
    .execute()
  return toPage(rows, limit)
}

/**
 * A page of the photos that fit the filters, newest first, by how many come before it; `more` says that others follow.
 * What comes before is counted in the index alone.
 */
export async function findPhotosAt(
  db: Db,
  filters: Filters,
  { limit, offset }: { limit: number; offset: number },
): Promise<{ items: PhotoRow[]; more: boolean }> {
  const page = selectPhotos(db, filters)
    .select('uuid')
    .orderBy('created_at', 'desc')
    .orderBy('uuid', 'desc')
    .limit(limit + 1)
    .offset(offset)
  const rows = await db
    .selectFrom('photos')
    .selectAll()
    .where('uuid', 'in', page)
    .orderBy('created_at', 'desc')
    .orderBy('uuid', 'desc')
    .execute()
  return { items: rows.slice(0, limit), more: rows.length > limit }
}

/** The photos that fit the filters, of which a query may select what it needs. */
export function selectPhotos(db: Db, filters: Filters) {
  const { created_after, created_before, code, status, door, project_id, projects, name, reference, label } =
    filters
  let query = label === undefined ? db.selectFrom('photos') : db.selectFrom(labelled(db, label))
  if (projects !== undefined) query = query.where('project_id', 'in', projects)
  if (code !== undefined) query = query.where('error_code', '=', code)
  if (created_after !== undefined) query = query.where('created_at', '>=', inUtc(created_after))
  if (created_before !== undefined) query = query.where('created_at', '<=', inUtc(created_before))
  if (name?.includes('*')) query = query.where('name', isPostgres(db) ? 'ilike' : 'like', likePattern(name))
  else if (name !== undefined) query = query.where('name', '=', name)
  for (const [column, value] of Object.entries({ status, door, project_id, reference }))
    if (value !== undefined) query = query.where(column as 'door', '=', value as Door)
  return query
}

/**
 * The photos that have a label, in place of all. Time, uuid and project are those of the row of the label: so its indexes serve the
 * order, the cursor and the projects, too.
 */
const labelled = (db: Db, label: string) =>
  db
    .selectFrom('photo_labels')
    .innerJoin('photos as photo', 'photo.uuid', 'photo_labels.photo_uuid')
    .select(
      PHOTO_COLUMNS.filter((column) => !(column in OF_LABEL)).map((column) => `photo.${column}` as const),
    )
    .select(Object.entries(OF_LABEL).map(([column, own]) => sql.ref(`photo_labels.${own}`).as(column)))
    .where('label', '=', label)
    .$castTo<PhotoRow>()
    .as('photos')

/** Columns of a photo that a row of a label has, too. */
const OF_LABEL: Partial<Record<keyof PhotoRow, string>> = {
  uuid: 'photo_uuid',
  project_id: 'project_id',
  created_at: 'created_at',
}

/** `*` stands for any text, several for the same; all else, `%` and `_` too, for itself. */
const likePattern = (name: string) =>
  sql<string>`${name.replace(/[\\%_]/g, '\\$&').replace(/\*+/g, '%')} escape '\\'`

/** One row above the limit means that there is a next page. */
function toPage(rows: PhotoRow[], limit: number): Page<PhotoRow> {
  const items = rows.slice(0, limit)
  const last = items.at(-1)
  return { items, next: rows.length > limit && last ? cursorOf(last) : null }
}

/** A time set by hand that RFC 3339 cannot write becomes one of its ends, and `timeOf` finds it again. */
const cursorOf = ({ created_at, uuid }: PhotoRow) =>
  toCursor({ created_at: isTime(created_at) ? created_at : FIRST_TIME, id: uuid })

/** The time of a position in the database: a row at an end of what RFC 3339 can write may lie beyond it. */
const timeOf = ({ created_at, id }: Position) =>
  created_at === FIRST_TIME || created_at === LAST_TIME
    ? sql<string>`coalesce((select created_at from photos where uuid = ${id}), ${created_at})`
    : sql.val(created_at)
