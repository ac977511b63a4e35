import { sql } from 'kysely'
import { LRUCache } from 'lru-cache'
import type { Projects } from '../access/caller.ts'
import { type Db, isPostgres } from '../db/port.ts'
import type { PhotoStatus } from '../photo-status.ts'
import { countByStatus } from './counts.ts'
import { within } from './list.ts'

/** How many photos there are by status, and what became of some in each minute, oldest first. */
export type Stats = Record<PhotoStatus | 'total', number> & {
  per_minute: { at: string; completed: number; failed: number }[]
}

const MINUTES = 15
const MINUTE_MS = 60_000

/** How long an answer is good, in ms. */
const FRESH_MS = 1_000

/** One that took long to count is good for so many times as long, so that counting takes a twentieth of the time at most. */
const PATIENCE = 20

type Counted = { until: number; stats: Promise<Stats> }

/** By database and projects. */
const recent = new WeakMap<Db, LRUCache<string, Counted>>()
const MAX_CALLERS = 1_000

/** The figures, counted once for all requests that come meanwhile and within the next second. */
export function readStats(db: Db, projects: Projects): Promise<Stats> {
  const start = performance.now()
  const byProjects = recent.get(db) ?? new LRUCache<string, Counted>({ max: MAX_CALLERS })
  recent.set(db, byProjects)
  const name = JSON.stringify(projects)
  const known = byProjects.get(name)
  if (known && start < known.until) return known.stats
  const counted = { until: Number.POSITIVE_INFINITY, stats: count(db, projects) }
  byProjects.set(name, counted)
  counted.stats.then(
    () => {
      const end = performance.now()
      counted.until = end + Math.max(FRESH_MS, (end - start) * PATIENCE)
    },
    () => byProjects.delete(name),
  )
  return counted.stats
}

const count = async (db: Db, projects: Projects): Promise<Stats> => ({
  ...(await countByStatus(db, within(projects))),
  per_minute: await countByMinute(db, projects),
})

/** From the events of the last minutes. */
async function countByMinute(db: Db, projects: Projects, now = Date.now()): Promise<Stats['per_minute']> {
  const first = (Math.floor(now / MINUTE_MS) - MINUTES + 1) * MINUTE_MS
  const minute = isPostgres(db)
    ? sql<string>`to_char(at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI')`
    : sql<string>`substr(at, 1, 16)`
  const rows = await db
    .selectFrom('events')
    .select([minute.as('minute'), 'type', ({ fn }) => fn.countAll<number>().as('count')])
    // Literals, as in the index that serves this.
    .where(sql<boolean>`type in ('image.uploaded', 'image.failed')`)
    .where('at', '>=', new Date(first).toISOString())
    .$if(projects !== '*', (query) => query.where('project_id', 'in', projects as readonly number[]))
    .groupBy(['minute', 'type'])
    .execute()
  const countOf = (at: string, type: string) =>
    Number(rows.find((row) => row.minute === at.slice(0, 16) && row.type === type)?.count ?? 0)
  return Array.from({ length: MINUTES }, (_, index) => {
    const at = new Date(first + index * MINUTE_MS).toISOString()
    return { at, completed: countOf(at, 'image.uploaded'), failed: countOf(at, 'image.failed') }
  })
}
