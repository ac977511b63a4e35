import { type Selectable, sql } from 'kysely'
import type { Config } from '../config/index.ts'
import { type Db, isPostgres } from '../db/port.ts'
import type { ProjectQuotasTable } from '../db/tables/access.ts'
import { AppError } from '../errors.ts'

/** What a project may add: photos and bytes a day (UTC), and how many photos may wait at once; null: without end. */
export type Quota = Record<(typeof QUOTAS)[number], number | null>

export const QUOTAS = ['photos_per_day', 'bytes_per_day', 'waiting'] as const

/** The quotas of projects. They are kept in the transaction of the work, which has the row of the project to itself from then on. */
export type Quotas = {
  /** Takes places for photos that are added to a project; of none, there is no limit. Throws `quota-exceeded`, and takes none. */
  takePhotos(tx: Db, projectId: number | null, count: number): Promise<void>
  /** Counts the bytes of a source. Throws `quota-exceeded`, and counts none, where they are more than the day has left. */
  takeBytes(tx: Db, projectId: number | null, bytes: number): Promise<void>
  /** Whether a project may have a quota: what costs something for the others is done only then. */
  mayHave(db: Db, projectId: number | null): Promise<boolean>
  /** The quotas of a project, of its own or of the configuration. */
  of(row: Quota | undefined): Quota
  /** Has this process hear at once of a quota that it has set. */
  forget(): void
}

type Row = Selectable<ProjectQuotasTable>

/** How long a process trusts what it knows of whether any project has a quota of its own, in ms. */
const TRUST_MS = 4_000

/** A guess how long it takes until fewer photos wait, in ms. */
const WAITING_MS = 30_000

const DAY_MS = 86_400_000

export function openQuotas({ quotas }: Pick<Config, 'quotas'>): Quotas {
  const usual: Quota = {
    photos_per_day: quotas.photosPerDay,
    bytes_per_day: quotas.bytesPerDay,
    waiting: quotas.waiting,
  }
  const isUsual = Object.values(usual).some((quota) => quota !== null)
  let own: { at: number; areSet: boolean } | undefined

  const of: Quotas['of'] = (row) => ({
    photos_per_day: row?.photos_per_day ?? usual.photos_per_day,
    bytes_per_day: row?.bytes_per_day ?? usual.bytes_per_day,
    waiting: row?.waiting ?? usual.waiting,
  })

  const mayHave: Quotas['mayHave'] = async (db, projectId) => {
    if (projectId === null) return false
    if (isUsual) return true
    const at = performance.now()
    if (!own || own.at <= at - TRUST_MS) own = { at, areSet: await hasQuotas(db) }
    return own.areSet
  }

  return {
    of,
    mayHave,
    forget() {
      own = undefined
    },
    async takePhotos(tx, projectId, count) {
      if (projectId === null || count === 0 || !(await mayHave(tx, projectId))) return
      const row = await lockProject(tx, projectId)
      const { photos_per_day, bytes_per_day, waiting } = of(row)
      const left = (quota: number, used: number) => Math.max(0, quota - used)
      if (bytes_per_day !== null && left(bytes_per_day, row.bytes_today) === 0)
        throw exceeded('bytes_per_day', `${bytes_per_day} bytes a day, and has added them`)
      if (photos_per_day !== null && left(photos_per_day, row.photos_today) < count)
        throw exceeded(
          'photos_per_day',
          `${photos_per_day} photos a day, and ${left(photos_per_day, row.photos_today)} are left`,
        )
      if (waiting !== null) {
        const free = left(waiting, await countWaiting(tx, projectId, waiting))
        if (free < count)
          throw exceeded('waiting', `${waiting} photos that are not done, and ${free} places are left`)
      }
      await add(tx, row, { photos: count, bytes: 0 })
    },
    async takeBytes(tx, projectId, bytes) {
      if (projectId === null || !(await mayHave(tx, projectId))) return
      const row = await lockProject(tx, projectId)
      const { bytes_per_day } = of(row)
      if (bytes_per_day !== null && row.bytes_today + bytes > bytes_per_day)
        throw exceeded(
          'bytes_per_day',
          `${bytes_per_day} bytes a day, and fewer are left than this source has`,
        )
      await add(tx, row, { photos: 0, bytes })
    },
  }
}

const hasQuotas = async (db: Db): Promise<boolean> =>
  (await db
    .selectFrom('project_quotas')
    .select('id')
    .where(({ eb, or }) => or(QUOTAS.map((quota) => eb(quota, 'is not', null))))
    .limit(1)
    .executeTakeFirst()) !== undefined

/** The day in UTC by the clock of the database. */
export const today = (db: Db) =>
  isPostgres(db)
    ? sql<string>`to_char(now_plus(0) at time zone 'UTC', 'YYYY-MM-DD')`
    : sql<string>`substr(now_plus(0), 1, 10)`

/** The row of a project as it is today; no other transaction takes from it before this one ends. */
function lockProject(tx: Db, id: number): Promise<Row> {
  // A day that another transaction has begun meanwhile does not end again.
  const kept = (column: string) =>
    sql<number>`case when excluded.day > project_quotas.day then 0 else ${sql.ref(`project_quotas.${column}`)} end`
  return tx
    .insertInto('project_quotas')
    .values({ id, day: today(tx) })
    .onConflict((conflict) =>
      conflict.column('id').doUpdateSet({
        day: sql`case when excluded.day > project_quotas.day then excluded.day else project_quotas.day end`,
        photos_today: kept('photos_today'),
        bytes_today: kept('bytes_today'),
      }),
    )
    .returningAll()
    .executeTakeFirstOrThrow()
}

const add = (tx: Db, { id }: Row, { photos, bytes }: { photos: number; bytes: number }) =>
  tx
    .updateTable('project_quotas')
    .set(({ eb }) => ({
      photos_today: eb('photos_today', '+', photos),
      bytes_today: eb('bytes_today', '+', bytes),
    }))
    .where('id', '=', id)
    .execute()

/** How many photos of a project are not done; counted as far as `most`. */
export async function countWaiting(db: Db, projectId: number, most: number): Promise<number> {
  const waiting = db
    .selectFrom('photos')
    .select('uuid')
    .where('project_id', '=', projectId)
    // As the index has it.
    .where(sql<boolean>`status in ('init', 'pending', 'processing')`)
    .limit(most)
    .as('waiting')
  const { count } = await db
    .selectFrom(waiting)
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  return count
}

function exceeded(quota: keyof Quota, what: string): AppError {
  const retryAfterMs = quota === 'waiting' ? WAITING_MS : DAY_MS - (Date.now() % DAY_MS)
  return new AppError('quota-exceeded', `The project may have ${what}`, {
    retryAfterMs,
    extensions: { quota },
  })
}
