import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { promisify } from 'node:util'
import { expect } from 'vitest'
import { type App, openApp } from '../../lib/app.ts'
import { readConfig } from '../../lib/config/index.ts'
import { migrate } from '../../lib/db/migrate.ts'
import { addPhotos } from '../../lib/photos/add.ts'
import { findPhoto } from '../../lib/photos/row.ts'
import { findRenditions } from '../../lib/renditions/row.ts'
import { OWNER } from '../../lib/storage/port.ts'
import { runRelay, runWorker } from '../../scripts/serve/roles.ts'
import { type Environment, type Setup, withEnvironment } from './app.ts'
import { jpeg, sample } from './images.ts'
import { until } from './service.ts'
import { bytes, openSourceServer } from './source-server.ts'

const run = promisify(execFile)

/** The steps of a worker after which it may be killed. */
export const STAGES = ['claim', 'download', 'render', 'write', 'commit'] as const

/** Those that cost the photo an attempt, or none, whatever the timing. */
const ATTEMPTS: Partial<Record<(typeof STAGES)[number], number>> = { claim: 1, download: 1, render: 2 }

const filesBelow = async (directory: string) =>
  (await readdir(directory, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && entry.name !== OWNER)
    .map(({ name }) => name)

/** Kills a worker of its own process right after `stage`. */
const dieAfter = (stage: string, uuid: string, env: Environment) =>
  run(process.execPath, ['tests/support/dying-worker.ts', stage, uuid], {
    env: { PATH: process.env.PATH, ...env },
  }).catch((error: { signal: string; stderr: string }) => error)

/** Kills a worker after a stage, and expects another to complete its photo, once, with one row and one file. */
export async function expectCompletedAfter(stage: (typeof STAGES)[number], setup: Setup): Promise<void> {
  const source = await openSourceServer({
    '/photo.jpg': bytes(await jpeg(sample(640, 480)), 'image/jpeg'),
  })
  await withEnvironment(setup, async (given) => {
    // Inline, the begin of a render is noted before it.
    const env = { ...given, LEASE_MS: '2000', WORKER_THREADS: stage === 'render' ? '0' : '1' }
    const app = await openApp(readConfig(env))
    await migrate(app.db)
    const [photo] = await addPhotos(app, [{ url: `${source.url}/photo.jpg`, door: 'photos' }])
    const uuid = photo?.uuid ?? ''
    await app.db
      .updateTable('photos')
      .set({ queued_at: new Date().toISOString() })
      .where('uuid', '=', uuid)
      .execute()
    expect(await dieAfter(stage, uuid, env)).toMatchObject({ signal: 'SIGKILL' })
    expect((await findPhoto(app.db, uuid)).status).toBe(stage === 'commit' ? 'completed' : 'processing')

    const parts = [await runRelay(app), await runWorker(app)]
    await until(async () => (await findPhoto(app.db, uuid)).status === 'completed')
    await until(async () => (await unpublished(app)).length === 0)
    for (const part of parts.reverse()) await part.stop()

    const { attempts } = await findPhoto(app.db, uuid)
    expect(attempts).toBe(ATTEMPTS[stage] ?? attempts)
    const types = (
      await app.db.selectFrom('events').select('type').where('photo_uuid', '=', uuid).execute()
    ).map(({ type }) => type)
    expect(types.filter((type) => type === 'image.uploaded')).toHaveLength(1)
    expect(await findRenditions(app.db, [uuid])).toMatchObject([
      { name: 'thumbnail', width: 320, height: 240 },
    ])
    expect(await filesBelow(app.config.thumbsDir)).toEqual([`${uuid}.jpg`])
    await app.close()
  })
  await source.close()
}

/** The events that are to be published. */
export const unpublished = ({ db }: App) =>
  db
    .selectFrom('events')
    .select('id')
    .where('publish_after', 'is not', null)
    .where('published_at', 'is', null)
    .execute()
