import { type CompiledQuery, sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import type { Db } from '../../../lib/db/port.ts'
import { countPhotos, countUpTo } from '../../../lib/photos/counts.ts'
import { type Filters, findPending, findPhotos, findPhotosAt } from '../../../lib/photos/list.ts'
import { withoutRow } from '../../../lib/photos/orphans.ts'
import { at } from '../../functions/support.ts'
import { isAvailable, SETUPS, withApp } from '../../support/app.ts'

const FILTERS: [Filters, index: string][] = [
  [{}, 'photos_created_at'],
  [{ door: 'v1' }, 'photos_door'],
  [{ status: 'failed' }, 'photos_status'],
  [{ door: 'v1', status: 'failed' }, 'photos_door_status'],
  [{ code: 'corrupt-image' }, 'photos_error_code'],
  [{ name: 'name-7' }, 'photos_name'],
  [{ project_id: 7 }, 'photos_project'],
  [{ door: 'v1', created_after: '2026-01-01T01:00:00Z' }, 'photos_door'],
  [{ reference: 'reference-7' }, 'photos_reference'],
  [{ label: 'kind:rare' }, 'photo_labels_label'],
  [{ label: 'kind:usual' }, 'photo_labels_label'],
  [{ label: 'kind:usual', project_id: 7 }, 'photo_labels_project'],
  [{ label: 'kind:usual', projects: [7] }, 'photo_labels_project'],
]

/** Photos enough that reading all of them costs more than an index, a few of each kind. */
async function insertMany(db: Db): Promise<void> {
  await sql`insert into photos (url, door, status, created_at, error_code, name, project_id, reference, labels)
    select 'https://example.com/a.jpg', case when i % 50 = 0 then 'v1' else 'jobs' end,
      (case when i % 40 = 0 then 'failed' when i % 41 = 0 then 'pending' else 'completed' end)::photo_status,
      timestamptz '2026-01-01Z' + i * interval '1 second',
      case when i % 50 = 0 then 'corrupt-image' end, 'name-' || i % 500, i % 500, 'reference-' || i % 5000,
      case when i % 10 = 0 then jsonb_build_object('kind', case when i % 500 = 0 then 'rare' else 'usual' end) end
    from generate_series(1, 30000) as i`.execute(db)
  await sql`analyze photos, photo_labels`.execute(db)
}

/** The same database, and the selects that have gone through it. */
function watch(db: Db): { watched: Db; queries: CompiledQuery[] } {
  const prepared = new Map<string, CompiledQuery>()
  const queries: CompiledQuery[] = []
  const watched = db.withPlugin({
    transformQuery({ node, queryId }) {
      if (node.kind === 'SelectQueryNode')
        prepared.set(queryId.queryId, db.getExecutor().compileQuery(node, queryId))
      return node
    },
    // Subqueries are prepared too, but only whole queries have a result.
    async transformResult({ result, queryId }) {
      const query = prepared.get(queryId.queryId)
      if (query) queries.push(query)
      return result
    },
  })
  return { watched, queries }
}

async function explain(db: Db, query: CompiledQuery): Promise<string> {
  const { rows } = await db.executeQuery({ ...query, sql: `explain (format json) ${query.sql}` })
  return JSON.stringify(rows)
}

describe.skipIf(!isAvailable(SETUPS[1]))('the plans of lists on PostgreSQL', () => {
  test('every filter is served by its index, read in the order of the list', () =>
    withApp(SETUPS[1], async ({ db }) => {
      await insertMany(db)
      for (const [filters, index] of FILTERS) {
        const { watched, queries } = watch(db)
        await findPhotos(watched, { ...filters, limit: 20 })
        await findPhotosAt(watched, filters, { limit: 20, offset: 100 })
        // Nobody counts by label beyond a few: half of all is read as a whole.
        if (filters.label === undefined) await countPhotos(watched, filters)
        expect(queries).toHaveLength(filters.label === undefined ? 3 : 2)
        await countUpTo(watched, filters, ['completed', 'failed'], 100)
        const bounded = await explain(db, queries.pop() as CompiledQuery)
        expect(bounded, JSON.stringify(filters)).not.toContain('"Seq Scan"')
        for (const query of queries) {
          const plan = await explain(db, query)
          expect(plan, `${query.sql} ${JSON.stringify(filters)}`).toContain(`"Index Name":"${index}"`)
          expect(plan).not.toContain('"Seq Scan"')
        }
      }
      const { watched, queries } = watch(db)
      await findPending(watched, { limit: 1000 })
      expect(await explain(db, queries[0] as CompiledQuery)).toContain('"Index Name":"photos_status"')
    }))

  test('files are looked up by the indexes of their rows', () =>
    withApp(SETUPS[1], async ({ db }) => {
      await insertMany(db)
      await sql`update photos set url = 'originals/' || uuid where door = 'v1'`.execute(db)
      await sql`insert into photo_thumbnails (photo_uuid, width, height, url)
        select uuid, 1, 1, 'ab/' || uuid || '.jpg' from photos`.execute(db)
      await sql`analyze photos, photo_thumbnails`.execute(db)
      const { watched, queries } = watch(db)
      const keys = ['originals/by-hand', 'thumbs/ab/by-hand.jpg']
      expect(await withoutRow(watched, keys)).toEqual(keys)
      const plans = await Promise.all(queries.map((query) => explain(db, query)))
      expect(plans.filter((plan) => /"Seq Scan".*"photo(s|_thumbnails)"/.test(plan))).toEqual([])
      for (const index of ['photos_original', 'photo_thumbnails_url'])
        expect(plans.join()).toContain(`"Index Name":"${index}"`)
    }))

  test('a total is exact up to 10,000 and then PostgreSQL’s estimate', () =>
    withApp(SETUPS[1], async ({ db }) => {
      await insertMany(db)
      expect(await countPhotos(db, { code: 'corrupt-image' })).toEqual({ total: 600, estimated: false })
      const until = (seconds: number) => countPhotos(db, { created_before: at(seconds) })
      expect(await until(10_000)).toEqual({ total: 10_000, estimated: false })
      expect((await until(10_001)).estimated).toBe(true)
      const { total, estimated } = await countPhotos(db, {})
      expect([Math.round(total / 3000), estimated]).toEqual([10, true])
    }))
})

test('on SQLite references and labels are served by their indexes, in the order of the list', () =>
  withApp(SETUPS[0], async ({ db }) => {
    await sql`insert into photos (url, project_id, reference, labels)
      with recursive n (i) as (select 1 union all select i + 1 from n where i < 3000)
      select 'https://example.com/a.jpg', i % 50, 'reference-' || i % 500, json_object('kind', iif(i % 3 = 0, 'usual', 'rare')) from n`.execute(
      db,
    )
    await sql`analyze`.execute(db)
    for (const [filters, index] of FILTERS.filter(([{ label, reference }]) => label ?? reference)) {
      const { watched, queries } = watch(db)
      const { next } = await findPhotos(watched, { reference: 'reference-7', limit: 1 })
      await findPhotos(watched, { ...filters, limit: 1, ...(next !== null && { after: next }) })
      for (const query of queries.slice(1)) {
        const { rows } = await db.executeQuery<{ detail: string }>({
          ...query,
          sql: `explain query plan ${query.sql}`,
        })
        const plan = rows.map(({ detail }) => detail).join('; ')
        expect(plan, `${query.sql} ${JSON.stringify(filters)}`).toMatch(new RegExp(`INDEX ${index} `))
        expect(plan).not.toMatch(/SCAN photo|TEMP B-TREE/)
      }
    }
  }))
