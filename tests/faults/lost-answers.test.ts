import { expect, inject, test } from 'vitest'
import { openApp } from '../../lib/app.ts'
import { readConfig } from '../../lib/config/index.ts'
import { processPhoto } from '../../lib/photos/process.ts'
import { openWorker } from '../../lib/worker.ts'
import { eventsOf } from '../functions/support.ts'
import { addPhoto, expectCompleted } from '../lib/photos/support.ts'
import { isAvailable, SETUPS, withEnvironment } from '../support/app.ts'
import { jpeg, sample } from '../support/images.ts'
import { openProxy } from '../support/proxy.ts'
import { openSourceServer } from '../support/source-server.ts'
import { addressOf, through } from './support.ts'

const SERVERS = SETUPS[1]
const on = test.skipIf(!isAvailable(SERVERS))

on.for([
  ['claim', 'lease_token'],
  ['completion', 'insert into "photo_thumbnails"'],
])('a %s is known though the connection breaks after its commit', ([, words = '']) =>
  withEnvironment(
    SERVERS,
    async (env) => {
      const proxy = await openProxy(addressOf(inject('postgresUrl') ?? '', 5432))
      const DATABASE_URL = through(env.DATABASE_URL ?? '', proxy.port)
      const app = await openApp(readConfig({ ...env, DATABASE_URL, WORKER_THREADS: '0' }))
      const worker = openWorker(app)
      const source = await openSourceServer()
      try {
        const pipeline = { app: worker, source }
        const uuid = await addPhoto(pipeline, await jpeg(sample(32, 32)))
        proxy.loseAnswerTo(words)
        expect(await processPhoto(worker, uuid)).toBe('completed')
        expect(proxy.hasLost()).toBe(true)
        await expectCompleted(pipeline, uuid)
        expect(await eventsOf(app, 'image.processing')).toHaveLength(1)
        expect(await eventsOf(app, 'image.uploaded')).toHaveLength(1)
      } finally {
        await worker.close()
        await Promise.all([app.close(), source.close()])
        await proxy.close()
      }
    },
    'migrated',
  ),
)
