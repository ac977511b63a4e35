import { existsSync } from 'node:fs'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { openApp } from '../../lib/app.ts'
import { readConfig } from '../../lib/config/index.ts'
import { openDb } from '../../lib/db/index.ts'
import { migrate } from '../../lib/db/migrate.ts'
import { addPhotos } from '../../lib/photos/add.ts'
import { countByStatus } from '../../lib/photos/counts.ts'
import { findPhotos } from '../../lib/photos/list.ts'
import { runRelay, runWorker } from '../../scripts/serve/roles.ts'
import { isAvailable, SETUPS, withEnvironment } from '../support/app.ts'
import { jpeg, sample } from '../support/images.ts'
import { openPgBouncer, PGBOUNCER } from '../support/servers/pgbouncer.ts'
import { until } from '../support/service.ts'
import { bytes, openSourceServer, sequence, status } from '../support/source-server.ts'

const [, SERVERS] = SETUPS
const PHOTOS = 40

const isThere = existsSync(PGBOUNCER)
if (!isThere && process.env.REQUIRE_SERVERS === '1')
  throw new Error(`There is no PgBouncer at ${PGBOUNCER}, and REQUIRE_SERVERS=1`)

test.skipIf(!isAvailable(SERVERS) || !isThere)(
  'PgBouncer may lend its connections for a transaction each',
  () =>
    withEnvironment(SERVERS, async (env) => {
      const direct = env.DATABASE_URL ?? ''
      const admin = await openDb(direct)
      const name = sql.ref(new URL(direct).pathname.slice(1))
      await sql`alter database ${name} set datestyle = 'German'`.execute(admin)
      await admin.destroy()
      const pooler = await openPgBouncer(direct)
      const picture = bytes(await jpeg(sample(40, 30)))
      const source = await openSourceServer({
        '/photo.jpg': picture,
        '/late.jpg': sequence(status(503), picture),
      })
      const app = await openApp(
        readConfig({ ...env, DATABASE_URL: `${pooler.url}?pgbouncer=true`, PREFETCH: '20' }),
      )
      try {
        await migrate(app.db)
        const running = [await runWorker(app), await runRelay(app)]
        const photos = Array.from({ length: PHOTOS }, (_, i) => ({
          url: `${source.url}/${i === 0 ? 'late' : 'photo'}.jpg?${i}`,
          door: 'photos' as const,
          queued: true,
        }))
        await Promise.all(photos.map((photo) => addPhotos(app, [photo])))
        await until(async () => (await countByStatus(app.db, {})).completed === PHOTOS)
        await Promise.all(running.map((part) => part.stop()))
        const today = new Date().toISOString().slice(0, 10)
        const { items } = await findPhotos(app.db, { limit: PHOTOS, created_after: `${today}T00:00:00Z` })
        expect(
          items.every(({ created_at, updated_at }) => created_at >= today && updated_at >= created_at),
        ).toBe(true)
      } finally {
        await app.close()
        await source.close()
        await pooler.close()
      }
    }),
)
