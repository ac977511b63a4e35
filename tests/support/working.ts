import { uuidv7 } from 'uuidv7'
import { type App, openApp } from '../../lib/app.ts'
import { readConfig } from '../../lib/config/index.ts'
import { migrate } from '../../lib/db/migrate.ts'
import { addPhotos } from '../../lib/photos/add.ts'
import { originalKey } from '../../lib/storage/port.ts'
import { type Running, runRelay, runWorker } from '../../scripts/serve/roles.ts'
import { type Environment, type Setup, withEnvironment } from './app.ts'
import { until } from './service.ts'
import { openSourceServer, type Route, type SourceServer } from './source-server.ts'

/** A relay and a worker that run, and as many servers of images as were asked for; `worker` may be stopped early. */
export type Working = { app: App; sources: [SourceServer, SourceServer]; worker: Running }

/** Runs `use` while a relay and a worker of its own run, and two servers that are up until its end. */
export const withWorking = (setup: Setup, use: (working: Working) => Promise<void>, more: Environment = {}) =>
  withEnvironment(setup, async (env) => {
    const app = await openApp(readConfig({ ...env, ...more }))
    await migrate(app.db)
    const sources: Working['sources'] = [await openSourceServer(), await openSourceServer()]
    const parts = [await runRelay(app)]
    try {
      const worker = await runWorker(app)
      parts.push(worker)
      await use({ app, sources, worker })
    } finally {
      // First, so that what hangs in a download ends.
      for (const source of sources) await source.close()
      for (const part of parts.reverse()) await part.stop()
      await app.close()
    }
  })

/** Queues so many photos whose sources are answered by `route`. */
export async function addRemote(
  app: App,
  source: SourceServer,
  count: number,
  route: Route,
  at = '/photo.jpg',
) {
  source.set(at, route)
  const urls = Array.from({ length: count }, (_, i) => `${source.url}${at}?${i}`)
  const rows = await addPhotos(
    app,
    urls.map((url) => ({ url, door: 'photos', queued: true })),
  )
  return rows.map(({ uuid }) => uuid)
}

/** The same, where `route` answers from `release` on; resolves when a source was asked for. */
export async function addHeld(app: App, source: SourceServer, count: number, route: Route) {
  const released = Promise.withResolvers<void>()
  let asked = 0
  const uuids = await addRemote(app, source, count, (request, response) => {
    asked++
    released.promise.then(() => route(request, response))
  })
  await until(() => asked > 0)
  return { uuids, release: released.resolve }
}

/** Queues a photo that was uploaded. */
export async function addUpload(app: App, content: Uint8Array): Promise<string> {
  const uuid = uuidv7()
  await app.storage.put(originalKey(uuid), content)
  await addPhotos(app, [{ uuid, url: originalKey(uuid), door: 'page', queued: true }])
  return uuid
}

/** How many of these photos have each status. */
export async function statusesOf({ db }: App, uuids: readonly string[]): Promise<Record<string, number>> {
  const rows = await db.selectFrom('photos').select('status').where('uuid', 'in', uuids).execute()
  const counts: Record<string, number> = {}
  for (const { status } of rows) counts[status] = (counts[status] ?? 0) + 1
  return counts
}

/** A route that counts the requests which it answers at once. */
export function counting(route: Route): Route & { now: number; most: number } {
  const counted: Route & { now: number; most: number } = Object.assign(
    ((request, response) => {
      counted.now++
      counted.most = Math.max(counted.most, counted.now)
      response.on('close', () => counted.now--)
      route(request, response)
    }) satisfies Route as Route,
    { now: 0, most: 0 },
  )
  return counted
}
