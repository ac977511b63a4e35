import { expect, test } from 'vitest'
import { openApp } from '../lib/app.ts'
import { readConfig } from '../lib/config/index.ts'
import { migrate } from '../lib/db/migrate.ts'
import { addPhotos } from '../lib/photos/add.ts'
import { requestProcessing } from '../lib/photos/request.ts'
import { runRelay } from '../scripts/serve/roles.ts'
import { isAvailable, SETUPS, withEnvironment } from './support/app.ts'
import { expectCompletedAfter, unpublished } from './support/crash.ts'
import { until } from './support/service.ts'

// Side by side: each waits most of its time, for a process to start or a lease to end.
test.concurrent.for(SETUPS)(
  'kill -9 while it renders on $name: the photo is completed once, with one row and one file',
  async (setup, { skip }) => {
    skip(!isAvailable(setup))
    await expectCompletedAfter('render', setup)
  },
)

test('a request that died between its commit and its publishing is published by the relay', async () => {
  await withEnvironment(SETUPS[0], async (env) => {
    const app = await openApp(readConfig(env))
    await migrate(app.db)
    const [photo] = await addPhotos(app, [{ url: 'https://example.com/a.jpg', door: 'photos' }])
    const dead = { ...app, queue: { ...app.queue, publish: async () => new Set<string>() } }
    await requestProcessing(dead, [photo?.uuid ?? ''], false)
    expect(await unpublished(app)).toHaveLength(1)
    await app.db
      .updateTable('events')
      .set({ publish_after: new Date().toISOString() })
      .where('publish_after', 'is not', null)
      .execute()
    const relay = await runRelay(app)
    await until(async () => (await unpublished(app)).length === 0)
    await relay.stop()
    await app.close()
  })
})
