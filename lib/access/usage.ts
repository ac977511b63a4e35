import { sql } from 'kysely'
import type { Db } from '../db/port.ts'
import { countWaiting, type Quota, type Quotas, today } from './quotas.ts'

/** A quota of a project: its own, or null; the one in force; how much of it is used. */
export type Usage = Record<keyof Quota, { own: number | null; limit: number | null; used: number }>

/** Photos that are counted, of those that are not done. */
const MOST_WAITING = 1_000_000

/** Sets quotas of a project: null for that of the configuration; those that are not given stay. At least one is. */
export async function setQuota(db: Db, quotas: Quotas, id: number, quota: Partial<Quota>): Promise<void> {
  await db
    .insertInto('project_quotas')
    .values({ id, ...quota })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(quota))
    .execute()
  quotas.forget()
}

/** The quotas of a project with what is used of them; photos and bytes are counted while any quota holds for the project. */
export async function readUsage(db: Db, quotas: Quotas, id: number): Promise<Usage> {
  const row = await db
    .selectFrom('project_quotas')
    .selectAll()
    .select(sql<number>`case when day = ${today(db)} then photos_today else 0 end`.as('photos'))
    .select(sql<number>`case when day = ${today(db)} then bytes_today else 0 end`.as('bytes'))
    .where('id', '=', id)
    .executeTakeFirst()
  const limits = quotas.of(row)
  const usage = (name: keyof Quota, used: number) => ({ own: row?.[name] ?? null, limit: limits[name], used })
  return {
    photos_per_day: usage('photos_per_day', row?.photos ?? 0),
    bytes_per_day: usage('bytes_per_day', row?.bytes ?? 0),
    waiting: usage('waiting', await countWaiting(db, id, MOST_WAITING)),
  }
}
