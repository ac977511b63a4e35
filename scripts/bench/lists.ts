import { sql } from 'kysely'
import { type App, openApp } from '../../lib/app.ts'
import { readConfig } from '../../lib/config/index.ts'
import { migrate } from '../../lib/db/migrate.ts'
import { median } from './load.ts'
import { type Environment, startRole } from './service.ts'

const PHOTOS = 1_000_000
const RUNS = 15

/** Addresses of pages, by what their figure is called. */
const PAGES: Record<string, string> = {
  'first page': '/v1/images',
  'page at offset 10,000': '/v1/images?offset=10000',
  'status=failed, first page': '/v1/images?status=failed',
  'status=failed, page at offset 10,000': '/v1/images?status=failed&offset=10000',
  'status and times, page at offset 10,000':
    '/v1/images?status=completed&created_after=2026-01-02T00:00:00Z&created_before=2026-01-09T00:00:00Z&offset=10000',
  'GET /photos, status and door': '/photos?status=failed&door=v1&limit=20',
  'GET /photos, error code': '/photos?code=corrupt-image&limit=20',
}

/** Lists with filters over a million photos. */
export async function benchLists(env: Environment): Promise<Record<string, string>> {
  const app = await openApp(readConfig({ ...env, LOG_LEVEL: 'silent' }))
  await migrate(app.db)
  await insertPhotos(app)
  const api = await startRole('api', env)
  const figures: Record<string, string> = {}
  for (const [name, path] of Object.entries(PAGES)) {
    const times: number[] = []
    for (let run = 0; run < RUNS; run++) {
      const start = performance.now()
      const answer = await fetch(`${api.url}${path}`)
      const { items } = (await answer.json()) as { items: unknown[] }
      times.push(performance.now() - start)
      if (items.length !== 20) throw new Error(`${path} gave ${items.length} items`)
    }
    figures[`1,000,000 photos: ${name}`] = `${median(times).toFixed(1)} ms`
  }
  await api.stop()
  await app.close()
  return figures
}

/** One photo a second since the beginning of 2026; every tenth failed, the others completed with a thumbnail. */
async function insertPhotos({ db }: App): Promise<void> {
  await sql`insert into photos (url, status, created_at, updated_at, door, error_code, error, metadata)
    select 'https://example.com/' || i || '.jpg',
      (case when i % 10 = 0 then 'failed' else 'completed' end)::photo_status,
      timestamptz '2026-01-01Z' + i * interval '1 second', now(), 'v1',
      case when i % 10 = 0 then 'corrupt-image' end, case when i % 10 = 0 then 'damaged' end,
      case when i % 10 > 0 then '{"format":"jpeg","contentType":"image/jpeg","width":640,"height":480,"bytes":9}'::jsonb end
    from generate_series(1, ${sql.lit(PHOTOS)}) as i`.execute(db)
  await sql`insert into photo_thumbnails (photo_uuid, width, height, url, bytes)
    select uuid, 256, 192, uuid || '.jpg', 9 from photos where status = 'completed'`.execute(db)
  await sql`analyze`.execute(db)
}
