import { sql } from 'kysely'
import { type Db, isPostgres } from '../db/port.ts'
import { PHOTO_STATUSES, type PhotoStatus } from '../photo-status.ts'
import { type Filters, selectPhotos } from './list.ts'

/** Up to here a total is counted. */
const COUNTED = 10_000

/** How many photos fit the filters: exact up to 10,000, then PostgreSQL's estimate. */
export async function countPhotos(db: Db, filters: Filters): Promise<{ total: number; estimated: boolean }> {
  const all = selectPhotos(db, filters).select(sql`1`.as('one'))
  // In the order of an index, or PostgreSQL would read the table until it has found as many.
  const counted = isPostgres(db)
    ? all
        .orderBy('created_at')
        .orderBy('uuid')
        .limit(COUNTED + 1)
    : all
  const { total } = await db
    .selectFrom(counted.as('counted'))
    .select(({ fn }) => fn.countAll<number>().as('total'))
    .executeTakeFirstOrThrow()
  if (!isPostgres(db) || total <= COUNTED) return { total, estimated: false }
  const { rows } = await sql<{
    'QUERY PLAN': [{ Plan: { 'Plan Rows': number } }]
  }>`explain (format json) ${all}`.execute(db)
  return { total: Math.max(total, rows[0]?.['QUERY PLAN'][0].Plan['Plan Rows'] ?? 0), estimated: true }
}

/** How many photos fit the filters and have one of the statuses; counted as far as `most`, in the order of an index. */
export async function countUpTo(
  db: Db,
  filters: Filters,
  statuses: readonly PhotoStatus[],
  most: number,
): Promise<number> {
  const counted = selectPhotos(db, filters)
    .select(sql`1`.as('one'))
    .where('status', 'in', statuses)
    .orderBy('created_at')
    .orderBy('uuid')
    .limit(most)
  const { count } = await db
    .selectFrom(counted.as('counted'))
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  return count
}

/** How many photos there are by status, and in all. */
export async function countByStatus(
  db: Db,
  filters: Filters,
): Promise<Record<PhotoStatus | 'total', number>> {
  const rows = await selectPhotos(db, filters)
    .select(({ fn }) => ['status', fn.countAll<number>().as('count')])
    .groupBy('status')
    .execute()
  const none = Object.fromEntries(PHOTO_STATUSES.map((status) => [status, 0])) as Record<PhotoStatus, number>
  const counts = { total: 0, ...none }
  for (const { status, count } of rows) {
    counts[status] = count
    counts.total += count
  }
  return counts
}
