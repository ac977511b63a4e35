import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { sweep } from '../../../functions/schedules/sweep.ts'
import { openApp } from '../../../lib/app.ts'
import { readConfig } from '../../../lib/config/index.ts'
import { openDb } from '../../../lib/db/index.ts'
import { migrate } from '../../../lib/db/migrate.ts'
import type { Db } from '../../../lib/db/port.ts'
import { findPending } from '../../../lib/photos/list.ts'
import { processPhoto } from '../../../lib/photos/process.ts'
import { removePhoto } from '../../../lib/photos/remove.ts'
import { findRenditions } from '../../../lib/renditions/row.ts'
import { openWorker } from '../../../lib/worker.ts'
import { isAvailable, SETUPS, withApp, withEnvironment } from '../../support/app.ts'
import { jpeg, sample } from '../../support/images.ts'
import { bytes, openSourceServer } from '../../support/source-server.ts'
import { expectCompleted } from '../photos/support.ts'

const SERVERS = SETUPS[1]

/** The tables as the exercise and its solutions make them: with statuses of their own, times without a zone, and no cascade. */
const EXERCISE = `
  create type photo_status as enum ('pending', 'processing', 'completed', 'failed');
  create table photos (
    uuid uuid primary key default gen_random_uuid(),
    url text not null,
    status photo_status not null default 'pending',
    created_at timestamp not null default now(),
    album integer not null default 7
  );
  create table photo_thumbnails (
    uuid uuid primary key default gen_random_uuid(),
    photo_uuid uuid not null,
    width smallint not null,
    height smallint not null,
    url text not null,
    created_at timestamp not null default now(),
    constraint of_photo foreign key (photo_uuid) references photos
  );
  create view waiting as select * from photos where status = 'pending';
  drop view waiting;
  create table other (status photo_status, photo uuid references photos);
  insert into other values ('failed', null);`

const run = async (db: Db, script: string) => {
  for (const statement of script.split(';').filter((part) => part.trim()))
    await sql.raw(statement).execute(db)
}

const uuidOf = (digit: number) => `00000000-0000-4000-8000-00000000000${digit}`

/** Sets the zone in which the database writes times that have none. */
async function setZone(url: string): Promise<void> {
  const db = await openDb(url)
  await sql`alter database ${sql.ref(new URL(url).pathname.slice(1))} set timezone = 'Asia/Kolkata'`.execute(
    db,
  )
  await db.destroy()
}

test.skipIf(!isAvailable(SERVERS))('a database of the exercise is taken over with its rows', () =>
  withEnvironment(SERVERS, async (env) => {
    await setZone(env.DATABASE_URL ?? '')
    const app = await openApp(readConfig(env))
    const source = await openSourceServer({ '/photo.jpg': bytes(await jpeg(sample(400, 300))) })
    const worker = openWorker(app)
    const { db } = app
    try {
      await run(
        db,
        `${EXERCISE}
        insert into photos (uuid, url, created_at) values ('${uuidOf(1)}', '${source.url}/photo.jpg', '2020-01-02 03:04:05.123456');
        insert into photos (uuid, url, status) values ('${uuidOf(2)}', 'https://example.com/2', 'completed');
        insert into photos (uuid, url, status) values ('${uuidOf(3)}', '${source.url}/photo.jpg', 'processing');
        insert into photo_thumbnails (photo_uuid, width, height, url, created_at) values ('${uuidOf(2)}', 320, 200, 'old.jpg', '2020-01-01');
        insert into photo_thumbnails (photo_uuid, width, height, url, created_at) values ('${uuidOf(2)}', 320, 240, 'new.PNG', '2020-01-02')`,
      )
      expect(await migrate(db)).toContain('0001_photos.postgres.sql')
      expect(await migrate(db)).toEqual([])

      const { items } = await findPending(db, { limit: 10 })
      expect(items).toMatchObject([
        {
          uuid: uuidOf(1),
          created_at: '2020-01-01T21:34:05.123Z',
          door: 'photos',
          queued_at: null,
          attempts: 0,
        },
      ])
      expect(await findRenditions(db, [uuidOf(2)])).toMatchObject([
        { name: 'thumbnail', height: 240, url: 'new.PNG', format: 'png' },
        { name: 'thumbnail_2', height: 200, url: 'old.jpg', format: 'jpeg' },
      ])
      expect(await processPhoto(worker, uuidOf(1))).toBe('completed')
      await expectCompleted({ app: worker }, uuidOf(1))

      await sweep.run(app)
      expect(await processPhoto(worker, uuidOf(3))).toBe('completed')
      await expectCompleted({ app: worker }, uuidOf(3))

      await removePhoto(app, uuidOf(2))
      expect(await findRenditions(db, [uuidOf(2)])).toEqual([])
      const others = await sql<{ album: number }>`select album from photos`.execute(db)
      expect(others.rows).toEqual([{ album: 7 }, { album: 7 }])
    } finally {
      await worker.close()
      await source.close()
      await app.close()
    }
  }),
)

test.skipIf(!isAvailable(SERVERS))('a database that was taken over has the columns of a new one', () =>
  withEnvironment(SERVERS, async (env) => {
    const app = await openApp(readConfig(env))
    await run(app.db, EXERCISE)
    await migrate(app.db)
    const ours = await columnsOf(app.db)
    await app.close()
    await withApp(SERVERS, async (fresh) => {
      const expected = await columnsOf(fresh.db)
      expect(ours.filter(({ name }) => name !== 'album')).toEqual(expected)
    })
  }),
)

/** The columns of the tables that both have, without their order. */
async function columnsOf(db: Db) {
  const { rows } = await sql<{
    table: string
    name: string
    type: string
    default: string
    nullable: string
  }>`
    select table_name as table, column_name as name, udt_name as type, datetime_precision as precision,
      column_default as default, is_nullable as nullable
    from information_schema.columns where table_schema = 'public' and table_name <> 'other'
    order by table_name, column_name`.execute(db)
  return rows
}
